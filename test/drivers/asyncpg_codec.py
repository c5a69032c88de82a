"""asyncpg: an order as a dict, by a codec for jsonb."""

import asyncio
import json
import sys

import asyncpg

from cases import ORDER, REFERENCE, run, say


async def connect():
    connection = await asyncpg.connect()
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    return connection


async def submit():
    connection = await connect()
    return list(await connection.fetchrow("SELECT * FROM fpgo.submit_invoice($1::jsonb)", ORDER))


async def deliver():
    connection = await connect()
    await connection.fetchval("SELECT fpgo.enqueue_invoice($1::jsonb)", ORDER)
    await connection.execute("CALL fpgo.deliver()")


async def listen():
    connection = await connect()
    heard = asyncio.get_running_loop().create_future()
    await connection.add_listener("fpgo_order_status", lambda *what: heard.set_result(what[3]))
    say(listening=True)
    return json.loads(await heard)["status"]


async def types():
    connection = await connect()
    row = await connection.fetchrow(
        "SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = $1", REFERENCE)
    return [type(value).__name__ for value in row]


def failure(error):
    return {"sqlstate": getattr(error, "sqlstate", None), "detail": getattr(error, "detail", None), "printed": str(error)}


CASES = {"submit": submit, "deliver": deliver, "listen": listen, "types": types}
sys.exit(run({name: lambda case=case: asyncio.run(case()) for name, case in CASES.items()},
             (asyncpg.PostgresError, asyncpg.InterfaceError, OSError), failure))
