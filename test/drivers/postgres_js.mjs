// postgres.js (npm: postgres): an order as an object, wrapped in sql.json.

import { inspect } from 'node:util'
import { installed, order, reference, run, say } from './cases.mjs'

const sql = installed('postgres')({ max: 1, onnotice: () => {} })

await run({
    submit: async () => Object.values((await sql`SELECT * FROM fpgo.submit_invoice(${sql.json(order)})`)[0]),
    deliver: async () => {
        await sql`SELECT fpgo.enqueue_invoice(${sql.json(order)})`
        await sql`CALL fpgo.deliver()`
    },
    listen: async () => {
        let hear
        const heard = new Promise(resolve => { hear = resolve })
        await sql.listen('fpgo_order_status', hear)
        say({ listening: true })
        return JSON.parse(await heard).status
    },
    types: async () => Object.values((await sql`
        SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = ${reference}`)[0])
        .map(value => value.constructor.name)
}, error => ({ sqlstate: error.code, detail: error.detail, printed: inspect(error) }))
