"""psycopg 3: an order as a dict, wrapped in Jsonb."""

import json
import sys

import psycopg
from psycopg.types.json import Jsonb

from cases import ORDER, REFERENCE, run, say


def connect():
    return psycopg.connect("", autocommit=True)


def submit():
    with connect() as connection:
        return connection.execute("SELECT * FROM fpgo.submit_invoice(%s)", [Jsonb(ORDER)]).fetchone()


def deliver():
    with connect() as connection:
        connection.execute("SELECT fpgo.enqueue_invoice(%s)", [Jsonb(ORDER)])
        connection.execute("CALL fpgo.deliver()")


def listen():
    with connect() as connection:
        connection.execute("LISTEN fpgo_order_status")
        say(listening=True)
        for notification in connection.notifies():
            return json.loads(notification.payload)["status"]


def types():
    with connect() as connection:
        row = connection.execute(
            "SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = %s",
            [REFERENCE]).fetchone()
    return [type(value).__name__ for value in row]


def failure(error):
    return {"sqlstate": error.sqlstate, "detail": error.diag.message_detail, "printed": str(error)}


sys.exit(run({"submit": submit, "deliver": deliver, "listen": listen, "types": types}, psycopg.Error, failure))
