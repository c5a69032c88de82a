# fpgo: Front Payment Go invoices from inside PostgreSQL

EXTENSION = fpgo
MODULE_big = fpgo
DATA = src/fpgo--1.0.sql
OBJS = \
	src/advise.o \
	src/advise_sums.o \
	src/amount.o \
	src/ask.o \
	src/bare.o \
	src/call.o \
	src/callback.o \
	src/characters.o \
	src/claim.o \
	src/defaults.o \
	src/deliver.o \
	src/doctor.o \
	src/doctor_host.o \
	src/doctor_server.o \
	src/document.o \
	src/enqueue.o \
	src/entry.o \
	src/exchange.o \
	src/fetch.o \
	src/fields.o \
	src/flight.o \
	src/format.o \
	src/format_email.o \
	src/format_url.o \
	src/fpgo.o \
	src/gateway.o \
	src/guard.o \
	src/handin.o \
	src/helper.o \
	src/http.o \
	src/http_easy.o \
	src/http_memory.o \
	src/http_peer.o \
	src/http_text.o \
	src/inquiry.o \
	src/install.o \
	src/json_schema.o \
	src/json_text.o \
	src/lane.o \
	src/launcher.o \
	src/likeness.o \
	src/listing.o \
	src/mailbox.o \
	src/make.o \
	src/message.o \
	src/options.o \
	src/order.o \
	src/news.o \
	src/outcome.o \
	src/owner.o \
	src/pattern.o \
	src/pause.o \
	src/payload.o \
	src/placeholder.o \
	src/plausible.o \
	src/query.o \
	src/queue.o \
	src/reading.o \
	src/reconcile.o \
	src/reconciler.o \
	src/reply.o \
	src/resident.o \
	src/resolve.o \
	src/roster.o \
	src/row.o \
	src/row_plan.o \
	src/rules.o \
	src/run.o \
	src/secrets.o \
	src/service.o \
	src/settle.o \
	src/sightings.o \
	src/submissions.o \
	src/subtransaction.o \
	src/submit.o \
	src/token.o \
	src/totals.o \
	src/trigger.o \
	src/validate.o \
	src/violation.o \
	src/waits.o \
	src/worker.o
PGFILEDESC = "fpgo - Front Payment Go invoices from inside the database"

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=fpgo --encoding=UTF8
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --load-extension=fpgo --inputdir=test --outputdir=test
EXTRA_CLEAN = test/results test/output_iso test/regression.diffs test/regression.out tmp_check log

PG_CPPFLAGS = $(shell pkg-config --cflags libcurl json-c)
SHLIB_LINK = $(shell pkg-config --libs libcurl json-c)

# fpgo's functions call one another directly, whatever else is loaded, and may
# be inlined
PG_CFLAGS = -fno-semantic-interposition
SHLIB_LINK += -Wl,-Bsymbolic-functions

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS does not track headers
$(OBJS): $(wildcard src/*.h)
