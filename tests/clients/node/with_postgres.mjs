// SPDX-License-Identifier: MIT
import postgres from 'postgres'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import say from './say.js'

const sql = postgres({ max: 1, fetch_types: true, onnotice: () => {} })
const way = process.argv[2]

const show = (step, r) => say.rows(step, r.columns ? r.columns.map(c => [c.name, c.type]) : [], [...r].map(x => Array.isArray(x) ? x : Object.values(x)), r.command + ' ' + r.count)

async function ask(step, query) {
  try {
    const r = await query
    Array.isArray(r[0]) && r[0].columns ? r.forEach(x => show(step, x)) : show(step, r)
  } catch (e) {
    say.error(step, e)
  }
}

const one = (i, on = sql) => on`SELECT id, name, ssn, visits FROM clinic.patient WHERE id = ${i}`

async function copied(query) {
  const chunks = []
  for await (const c of await query.readable()) chunks.push(c)
  return Buffer.concat(chunks).toString('hex')
}

const ways = {
  async text() {
    await ask('simple', sql.unsafe(say.EVERYTHING))
    await ask('several', sql.unsafe('SELECT 1 AS a; ' + say.SOME).simple())
    await ask('parameter', one(3))
    await ask('raw', sql`SELECT * FROM clinic.patient ORDER BY id`.values())
  },
  async prepared() {
    for (let i = 1; i <= 8; i++) await ask('execute ' + i, one(i))
    for (let i = 1; i <= 3; i++) await ask('unsafe ' + i, sql.unsafe(say.EVERYTHING, [], { prepare: true }))
    const d = await sql`SELECT * FROM clinic.patient`.describe()
    say.value('described', [d.types, d.columns.map(c => [c.name, c.type])])
  },
  async pipeline() {
    await Promise.all([1, 2, 3, 4, 5, 6].map(i => ask('in line ' + i, one(i))))
    await Promise.all([ask('before', sql`SELECT id, ssn FROM clinic.patient ORDER BY id`), ask('division', sql`SELECT 1 / ${0}::int`), ask('behind', one(2))])
    await sql.begin(on => Promise.all([5, 6, 7].map(i => ask('in a transaction ' + i, one(i, on)))))
  },
  async cursor() {
    let n = 0, columns
    await sql`SELECT * FROM clinic.patient ORDER BY id`.cursor(2, rows => {
      columns ||= rows.columns.map(c => [c.name, c.type])
      say.rows('portal ' + ++n, columns, [...rows].map(r => Object.values(r)))
    })
    for await (const rows of sql`SELECT id, ssn FROM clinic.patient ORDER BY id`.cursor(4)) {
      show('iterated', rows)
      break
    }
    await sql`SELECT id, ssn FROM clinic.patient ORDER BY id`.forEach(row => say.rows('each', [['id'], ['ssn']], [Object.values(row)]))
    await ask('after', one(1))
  },
  async copy() {
    say.value('out', await copied(sql`COPY clinic.journal TO STDOUT`))
    say.value('csv', await copied(sql`COPY clinic.journal TO STDOUT WITH (FORMAT csv, HEADER)`))
    say.value('binary', await copied(sql`COPY clinic.journal TO STDOUT WITH (FORMAT binary)`))
    await sql.begin(async on => {
      await pipeline(Readable.from(['101\tone\t1\n102\t', 'two\t2\n']), await on`COPY clinic.journal (id, line, amount) FROM STDIN`.writable())
      await ask('copied', on`SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id`)
      await on`ROLLBACK`
    })
    await ask('after', sql`SELECT count(*) FROM clinic.journal WHERE id > 100`)
  },
  async cancel() {
    await ask('connected', one(1))
    const slow = sql.unsafe(say.SLOW)
    const cancel = setInterval(() => slow.cancel(), 300)
    await ask('slow', slow)
    clearInterval(cancel)
    await ask('after', one(1))
  },
  async error() {
    try {
      await sql.begin(async on => {
        await ask('before', one(1, on))
        await ask('division', on`SELECT 1 / ${0}::int`)
        await ask('aborted', on`SELECT 1`)
        throw new Error('give up')
      })
    } catch (e) {
      say.error('given up', e)
    }
    await sql.begin(on => on.savepoint(s => ask('savepoint', s`SELECT 1 / ${0}::int`)).catch(e => say.error('savepoint failed', e))).catch(e => say.error('transaction failed', e))
    await ask('syntax', sql`SELEC 1`)
    await ask('after', one(2))
  },
  async refused() {
    await ask('refused', sql`SELECT id FROM clinic.patient WHERE ssn = ${'61728300001'}`)
    await ask('refused simple', sql.unsafe(say.REFUSED))
    await ask('after', one(1))
    const own = await sql.reserve()
    await ask('begin', own`BEGIN`)
    await ask('refused in a transaction', own`SELECT id FROM clinic.patient WHERE ssn = ${'61728300001'}`)
    await ask('aborted', own`SELECT 1 AS one`)
    await ask('rollback', own`ROLLBACK`)
    await ask('rolled back', one(3, own))
    own.release()
  },
  // It asks for array types by itself once it is connected.
  async catalog() {
    await ask('arrays', sql`SELECT tags, ARRAY[1, 2] AS numbers FROM clinic.patient ORDER BY id`)
    await ask('array of composite', sql`SELECT array_agg(j ORDER BY id) AS j FROM clinic.journal j`)
    say.value('known', Object.keys(sql.options.parsers).length)
  },
}

await say.main(ways, { binary: ['postgres.js asks for text only', !('binary' in sql.options)] })
await sql.end()
