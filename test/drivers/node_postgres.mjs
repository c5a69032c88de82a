// node-postgres (npm: pg): an order as an object, which the driver writes as JSON.

import { inspect } from 'node:util'
import { installed, order, reference, run, say } from './cases.mjs'

const pg = installed('pg')

async function connect() {
    const client = new pg.Client()
    // without a listener the loss of a connection ends the program
    client.on('error', () => {})
    await client.connect()
    return client
}

const ask = async (client, text, ...values) => (await client.query(text, values)).rows[0]

await run({
    submit: async () => Object.values(await ask(await connect(), 'SELECT * FROM fpgo.submit_invoice($1)', order)),
    deliver: async () => {
        const client = await connect()
        await ask(client, 'SELECT fpgo.enqueue_invoice($1)', order)
        await client.query('CALL fpgo.deliver()')
    },
    listen: async () => {
        const client = await connect()
        const heard = new Promise(resolve => client.on('notification', message => resolve(message.payload)))
        await client.query('LISTEN fpgo_order_status')
        say({ listening: true })
        return JSON.parse(await heard).status
    },
    types: async () => Object.values(await ask(await connect(),
        'SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = $1', reference))
        .map(value => value.constructor.name)
}, error => ({ sqlstate: error.code, detail: error.detail, printed: inspect(error) }))
