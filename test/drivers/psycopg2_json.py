"""psycopg2: an order as a dict, wrapped in Json."""

import json
import select
import sys

import psycopg2
from psycopg2.extras import Json

from cases import ORDER, REFERENCE, run, say


def connect():
    connection = psycopg2.connect("")
    connection.autocommit = True
    return connection


def ask(connection, sql, *values):
    cursor = connection.cursor()
    cursor.execute(sql, values)
    return cursor.fetchone() if cursor.description else None


def submit():
    return ask(connect(), "SELECT * FROM fpgo.submit_invoice(%s)", Json(ORDER))


def deliver():
    connection = connect()
    ask(connection, "SELECT fpgo.enqueue_invoice(%s)", Json(ORDER))
    ask(connection, "CALL fpgo.deliver()")


def listen():
    connection = connect()
    ask(connection, "LISTEN fpgo_order_status")
    say(listening=True)
    while not connection.notifies:
        select.select([connection], [], [])
        connection.poll()
    return json.loads(connection.notifies[0].payload)["status"]


def types():
    row = ask(connect(), "SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = %s",
              REFERENCE)
    return [type(value).__name__ for value in row]


def failure(error):
    return {"sqlstate": error.pgcode, "detail": error.diag.message_detail, "printed": str(error)}


sys.exit(run({"submit": submit, "deliver": deliver, "listen": listen, "types": types}, psycopg2.Error, failure))
