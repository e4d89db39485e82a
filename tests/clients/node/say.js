// SPDX-License-Identifier: MIT
// What every client program prints: one JSON object a line (tests/README.md, "Clients", has the contract).
'use strict'

exports.EVERYTHING = 'SELECT * FROM clinic.patient ORDER BY id'
exports.SOME = 'SELECT id, name, ssn, email FROM clinic.patient ORDER BY id'
exports.ONE = 'SELECT id, name, ssn, visits FROM clinic.patient WHERE id = '
exports.SLOW = 'SELECT count(*) FROM clinic.note a, clinic.note b, clinic.note c, clinic.note d'
exports.REFUSED = "SELECT id FROM clinic.patient WHERE ssn = '61728300001'"

const cell = v => Buffer.isBuffer(v) ? '\\x' + v.toString('hex') : typeof v === 'bigint' ? v.toString() : v

exports.put = (step, what) => console.log(JSON.stringify({ step, ...what }))
exports.value = (step, value) => exports.put(step, { value })
exports.error = (step, e) => exports.put(step, { error: { sqlstate: e.code, message: e.message } })
exports.rows = (step, columns, rows, tag) => exports.put(step, { columns, rows: rows.map(r => r.map(cell)), tag })

// ways: name → async function. missing: name → [reason, whether the library indeed has no such thing].
exports.main = async (ways, missing) => {
  const way = process.argv[2]
  if (missing[way]) {
    const [reason, absent] = missing[way]
    if (!absent) throw new Error('this client has a way to do that: ' + way)
    exports.put('n/a', { reason })
  } else {
    await ways[way]()
  }
}
