// SPDX-License-Identifier: MIT
// An ORM: models, eager loading, transactions, introspection.
'use strict'
const { Sequelize, DataTypes } = require('sequelize')
const say = require('./say')

const env = process.env
const db = new Sequelize(env.PGDATABASE, env.PGUSER, env.PGPASSWORD, { dialect: 'postgres', host: env.PGHOST, port: env.PGPORT, logging: false, pool: { max: 1 } })
const plain = { schema: 'clinic', timestamps: false, freezeTableName: true }
const Patient = db.define('patient', {
  id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.TEXT, weight: DataTypes.DECIMAL, admitted: DataTypes.DATE,
  tags: DataTypes.ARRAY(DataTypes.TEXT), meta: DataTypes.JSONB, scan: DataTypes.BLOB,
  ssn: DataTypes.TEXT, email: DataTypes.STRING, diagnosis: DataTypes.TEXT, card: DataTypes.CHAR(16), balance: DataTypes.DECIMAL,
  visits: DataTypes.INTEGER, national: DataTypes.BIGINT, born: DataTypes.DATEONLY, device: DataTypes.UUID, vip: DataTypes.BOOLEAN,
}, plain)
const Note = db.define('note', { id: { type: DataTypes.INTEGER, primaryKey: true }, patient: DataTypes.INTEGER, body: DataTypes.TEXT }, plain)
const Journal = db.define('journal', { id: { type: DataTypes.INTEGER, primaryKey: true }, line: DataTypes.TEXT, amount: DataTypes.INTEGER }, plain)
Patient.hasMany(Note, { foreignKey: 'patient' })

const show = (step, objects) => say.rows(step, objects.length ? Object.keys(objects[0]).map(k => [k]) : [], objects.map(o => Object.values(o)))

async function ask(step, promise) {
  try {
    show(step, (await promise()).map(o => o.dataValues || o))
  } catch (e) {
    say.error(step, e.original || e)
  }
}

const find = where => () => Patient.findAll({ where, order: ['id'], attributes: ['id', 'ssn', 'visits'] })
const raw = (text, transaction, bind) => async () => (await db.query(text, { transaction, bind, type: Sequelize.QueryTypes.SELECT }))

const ways = {
  async text() {
    await ask('all', () => Patient.findAll({ order: ['id'] }))
    const [p] = await Patient.findAll({ where: { id: 2 }, include: { model: Note, attributes: ['id', 'body'] }, order: [['notes', 'id']], attributes: ['id', 'ssn'] })
    show('included', p.notes.slice(0, 2).map(n => n.dataValues))
    await ask('paged', () => Patient.findAll({ order: ['id'], limit: 2, offset: 3, attributes: ['id', 'email'] }))
    say.value('count', await Patient.count())
  },
  async prepared() {
    for (let i = 1; i <= 8; i++) await ask('bind ' + i, raw(say.ONE + '$1', undefined, [i]))
  },
  async pipeline() {
    const t = await db.transaction()
    await Journal.bulkCreate(Array.from({ length: 20 }, (_, i) => ({ id: 100 + i, line: 'line', amount: i })), { transaction: t })
    await Journal.update({ line: 'changed' }, { where: { id: 101 }, transaction: t })
    await Journal.destroy({ where: { id: 102 }, transaction: t })
    await ask('inserted', () => Journal.findAll({ where: { id: { [Sequelize.Op.gte]: 100 } }, order: ['id'], transaction: t }))
    await t.rollback()
    say.value('after', await Journal.count({ where: { id: { [Sequelize.Op.gte]: 100 } } }))
  },
  async error() {
    const t = await db.transaction()
    await ask('before', raw(say.ONE + '1', t))
    await ask('division', raw('SELECT 1 / 0', t))
    await ask('aborted', raw('SELECT 1', t))
    await t.rollback()
    await ask('after', raw(say.ONE + '2'))
  },
  async refused() {
    await ask('refused', find({ ssn: '61728300001' }))
    const t = await db.transaction()
    await ask('refused in a transaction', raw(say.REFUSED, t))
    await ask('aborted', raw('SELECT 1 AS one', t))
    await t.rollback()
    await ask('after', find({ id: 1 }))
  },
  async catalog() {
    const q = db.getQueryInterface()
    say.value('authenticated', (await db.authenticate()) ?? null)
    say.value('version', await db.databaseVersion())
    say.value('schemas', await q.showAllSchemas())
    say.value('tables', (await q.showAllTables()).map(t => t.tableName || t).sort())
    for (const tableName of ['patient', 'note', 'journal']) {
      const t = { tableName, schema: 'clinic' }
      say.value('columns of ' + tableName, await q.describeTable(t))
      say.value('indexes of ' + tableName, await q.showIndex(t))
      say.value('references of ' + tableName, await q.getForeignKeyReferencesForTable(t))
      say.value('constraints of ' + tableName, await q.showConstraint(t))
    }
  },
}

async function main() {
  const none = what => [what, !('cursor' in db) && !('cancel' in db) && !('copy' in db)]
  await say.main(ways, {
    binary: none('Sequelize takes text from pg'),
    cursor: none('Sequelize reads a result whole'),
    copy: none('no COPY in Sequelize'),
    cancel: none('no cancel in Sequelize'),
  })
  await db.close()
}
main()
