// SPDX-License-Identifier: MIT
'use strict'
const fs = require('fs')
const pg = require('pg')
const Cursor = require('pg-cursor')
const { from, to } = require('pg-copy-streams')
const { pipeline } = require('stream/promises')
const { Readable } = require('stream')
const say = require('./say')

let client

const columns = fields => fields.map(f => [f.name, f.dataTypeID, f.format])
const show = (step, r) => say.rows(step, columns(r.fields), r.rows, r.command + ' ' + r.rowCount)

async function ask(step, query, values) {
  try {
    const r = await client.query({ ...(typeof query === 'string' ? { text: query } : query), values, rowMode: 'array' })
    Array.isArray(r) ? r.forEach(x => show(step, x)) : show(step, r)
  } catch (e) {
    say.error(step, e)
  }
}

const ways = {
  async text() {
    await ask('all', say.EVERYTHING)
    await ask('several', 'SELECT 1 AS a; ' + say.SOME)
    await ask('parameter', say.ONE + '$1', [3])
  },
  async prepared() {
    for (let i = 1; i <= 8; i++) await ask('execute ' + i, { name: 'one', text: say.ONE + '$1' }, [i])
    for (let i = 1; i <= 3; i++) await ask('all ' + i, { name: 'all', text: say.EVERYTHING })
  },
  // Its queue sends one query at a time unless a pipeline is asked for, which it is.
  async pipeline() {
    await Promise.all([1, 2, 3, 4, 5, 6].map(i => ask('in line ' + i, say.ONE + '$1', [i])))
    await Promise.all([ask('before', say.SOME), ask('division', 'SELECT 1 / $1::int', [0]), ask('behind', say.ONE + '$1', [2])])
  },
  async cursor() {
    const cursor = client.query(new Cursor(say.EVERYTHING, [], { rowMode: 'array' }))
    for (let n = 1, rows; (rows = await cursor.read(2)).length; n++) {
      say.rows('portal ' + n, columns(cursor._result.fields), rows)
      if (n === 3) break
    }
    await cursor.close()
    await ask('after', say.SOME)
  },
  async copy() {
    for (const options of ['', ' WITH (FORMAT csv, HEADER)', ' WITH (FORMAT binary)']) {
      const chunks = []
      for await (const c of client.query(to('COPY clinic.journal TO STDOUT' + options))) chunks.push(c)
      say.value('out' + options, Buffer.concat(chunks).toString('hex'))
    }
    await ask('begin', 'BEGIN')
    await pipeline(Readable.from(['101\tone\t1\n102\t', 'two\t2\n']), client.query(from('COPY clinic.journal (id, line, amount) FROM STDIN')))
    await ask('copied', 'SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id')
    await pipeline(Readable.from(['not a number\tx\t1\n']), client.query(from('COPY clinic.journal FROM STDIN'))).catch(e => say.error('bad line', e))
    await ask('rollback', 'ROLLBACK')
    await ask('after', 'SELECT count(*) FROM clinic.journal WHERE id > 100')
  },
  async cancel() {
    const cancel = setInterval(() => {
      const other = new pg.Client({ ssl: false })
      other.cancel(client, client.activeQuery)
    }, 200)
    const slow = ask('slow', say.SLOW)
    await slow
    clearInterval(cancel)
    await ask('after', say.SOME)
  },
  async error() {
    await ask('begin', 'BEGIN')
    await ask('before', say.ONE + '$1', [1])
    await ask('division', 'SELECT 1 / $1::int', [0])
    await ask('aborted', 'SELECT 1')
    await ask('rollback', 'ROLLBACK')
    await ask('syntax', 'SELEC 1')
    await ask('after', say.ONE + '$1', [2])
  },
  async refused() {
    await ask('refused', say.REFUSED)
    await ask('refused prepared', { name: 'r', text: say.REFUSED })
    await ask('after', say.ONE + '$1', [1])
    await ask('begin', 'BEGIN')
    await ask('refused in a transaction', 'SELECT id FROM clinic.patient WHERE ssn = $1', ['61728300001'])
    await ask('aborted', 'SELECT 1 AS one')
    await ask('rollback', 'ROLLBACK')
    await ask('rolled back', say.ONE + '$1', [3])
  },
  async catalog() {
    await ask('types', "SELECT typname, oid, typarray FROM pg_type WHERE typnamespace = 'clinic'::regnamespace ORDER BY oid")
  },
}

async function main() {
  client = new pg.Client({ pipeline: process.argv[2] === 'pipeline' })
  await client.connect()
  const parser = fs.readFileSync(require.resolve('pg-protocol/dist/parser.js'), 'utf8')
  await say.main(ways, { binary: ['pg reads the cells of every row as UTF-8 text', parser.includes('Binary mode not supported yet')] })
  await client.end()
}
main()
