"""psqlodbc by pyodbc: an order as JSON text.  ODBC has no LISTEN."""

import json
import os
import sys

import pyodbc

from cases import ORDER, REFERENCE, run

ADDRESS = "DRIVER={PostgreSQL Unicode};Server=%s;Port=%s;Database=%s;UID=%s" % tuple(
    os.environ[name] for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER"))


def connect():
    return pyodbc.connect(ADDRESS, autocommit=True)


def submit():
    row = connect().execute("SELECT * FROM fpgo.submit_invoice(?)", json.dumps(ORDER)).fetchone()
    return list(row)


def deliver():
    connection = connect()
    connection.execute("SELECT fpgo.enqueue_invoice(?)", json.dumps(ORDER)).fetchone()
    connection.execute("CALL fpgo.deliver()")


def types():
    row = connect().execute(
        "SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = ?", REFERENCE).fetchone()
    return [type(value).__name__ for value in row]


def failure(error):
    # the driver puts DETAIL into the message
    _, _, detail = error.args[1].partition("DETAIL: ")
    return {"sqlstate": error.args[0], "detail": detail or None, "printed": str(error)}


sys.exit(run({"submit": submit, "deliver": deliver, "types": types}, pyodbc.Error, failure))
