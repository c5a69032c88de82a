// What the programs in JavaScript have in common; the same as cases.py.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

export const [, , name, reference] = process.argv
export const order = JSON.parse(readFileSync(process.env.FPGO_ORDER, 'utf8').replaceAll('@REFERENCE@', reference))

// A module that npm installed in the folder FPGO_MODULES.
export const installed = createRequire(process.env.FPGO_MODULES + '/')

export const say = what => console.log(JSON.stringify(what))

// Do what the case asks, and print how it ended.
export async function run(cases, describe) {
    try {
        say({ answer: await cases[name]() ?? null })
    } catch (error) {
        say({ failure: describe(error) })
    }
    process.exit(0)
}
