# fpgo: Front Payment Go invoices from inside PostgreSQL

EXTENSION = fpgo
MODULE_big = fpgo
DATA = src/fpgo--1.1.sql src/fpgo--1.0--1.1.sql
DOCS = README.md $(patsubst $(srcdir)/%,%,$(wildcard $(srcdir)/src/doc/*.md))

# src/, a folder a step of an order's way; see src/README.md
BASE = background clock extension_version hide settings subtransaction texts \
	wait wait_events
TEXT = characters control_digits email format host identifier phone printed_value \
	query tidy unprintable url
ORDER = amount callback_token constructors credits defaults document fields \
	json_escape json_text lines mapping money named_field one_piece payload \
	reading rounding sameness secrets spellings totals
VALIDATION = advise advise_sums advise_text defaults_fault json_schema plausible \
	plausible_phone rules schema_pattern validate violation
ACCOUNT = account names options token
HANDIN = again check condition enqueue fault generated handin holder keyless \
	map_again missed moved newest primary_key same_order show_request source source_table \
	submit trigger turn undelivered unversioned version withdraw
ORIGIN = parts rule
TABLES = foreign_code row_direct row_held row_plan row_table statement
RECORDS = age attempts decide early hold hold_news hold_rule insert keyed_hash left locks open_key \
	origins purge queue refused seat settle streak submissions sweep taken_back traces trouble \
	unsourced versions
DELIVERY = allowance backoff batch change claim deliver deliver_call durable flight \
	holds lane pace probe question report seating slow streaks walk
GATEWAY = exchange lesson http http_easy http_header http_libcurl http_lines http_memory \
	http_peer http_shown http_socket http_text http_url http_wait outcome outcome_text \
	reply reply_mask
IPC = ask mailbox message roster start_helper
PROCESS = closed held_tables helper in_the_way launcher reconciler resident service \
	worker worker_control
FOLLOWUP = by_key callback callback_query cases evidence fetch inquiry likeness \
	order_list order_status purge_call reconcile release resolve seat_call session \
	sightings
SETUP = account_changes accounts doctor doctor_host doctor_origin doctor_server \
	doctor_triggers drop_guard follow_server install_guard

OBJS = src/fpgo.o \
	$(BASE:%=src/base/%.o) \
	$(TEXT:%=src/text/%.o) \
	$(ORDER:%=src/order/%.o) \
	$(VALIDATION:%=src/validation/%.o) \
	$(ACCOUNT:%=src/account/%.o) \
	$(HANDIN:%=src/handin/%.o) \
	$(ORIGIN:%=src/origin/%.o) \
	$(TABLES:%=src/tables/%.o) \
	$(RECORDS:%=src/records/%.o) \
	$(DELIVERY:%=src/delivery/%.o) \
	$(GATEWAY:%=src/gateway/%.o) \
	$(IPC:%=src/ipc/%.o) \
	$(PROCESS:%=src/process/%.o) \
	$(FOLLOWUP:%=src/followup/%.o) \
	$(SETUP:%=src/setup/%.o)
PGFILEDESC = "fpgo - Front Payment Go invoices from inside the database"

REGRESS = $(sort $(notdir $(basename $(wildcard $(srcdir)/sql/*.sql))))
REGRESS_OPTS = --load-extension=fpgo --encoding=UTF8
ISOLATION = $(sort $(notdir $(basename $(wildcard $(srcdir)/test/specs/*.spec))))
ISOLATION_OPTS = --load-extension=fpgo --inputdir=$(srcdir)/test --outputdir=test
EXTRA_CLEAN = test/results test/output_iso test/regression.diffs test/regression.out tmp_check log

# libcurl is loaded by this name when it is first needed, and not linked with.
# dpkg-shlibdeps and the like do not see that: a package of fpgo must name the
# package of this library among those it depends on.
LIBCURL := $(shell objdump -p "$$(pkg-config --variable=libdir libcurl)/libcurl.so" | \
	sed -n 's/^ *SONAME *//p')

PG_CPPFLAGS = -I$(srcdir)/src $(shell pkg-config --cflags libcurl json-c)
PG_CPPFLAGS += $(if $(LIBCURL),-DFPGO_LIBCURL='"$(LIBCURL)"')
SHLIB_LINK = $(shell pkg-config --libs json-c)

# fpgo's functions call one another directly, whatever else is loaded, and may
# be inlined
PG_CFLAGS = -fno-semantic-interposition
SHLIB_LINK += -Wl,-Bsymbolic-functions

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# their names are those of other extensions' pages, too
docmoduledir = extension/fpgo

# PGXS looks for pages to remove in folders of the source
uninstall: uninstall-pages
.PHONY: uninstall-pages
uninstall-pages:
	rm -f $(addprefix '$(DESTDIR)$(docdir)/$(docmoduledir)'/, $(notdir $(DOCS)))

# PGXS does not track headers
$(OBJS) $(OBJS:.o=.bc): $(wildcard $(srcdir)/src/*.h $(srcdir)/src/*/*.h)

# nor does it make folders where it builds out of the tree
ifdef VPATH
$(shell mkdir -p $(sort $(dir $(OBJS))))
endif
