# How a room of src/ is built without a server: test/unit and test/fuzz include
# this.  SOURCES_<name> are the files that the program of that name is linked
# with, LIBS_<name> its libraries.

PG_CONFIG ?= pg_config
BUILD = build
SRC = ../../src
UNIT = ../unit

CFLAGS ?= -O1 -g
override CFLAGS += -std=gnu99 -Wall -Wextra -Wno-unused-parameter -Werror
override CPPFLAGS += -I$(SRC) $(shell $(PG_CONFIG) --cppflags) \
	-isystem $(shell $(PG_CONFIG) --includedir-server) \
	$(shell pkg-config --cflags libcurl json-c)

# what stands in for a backend, and the parts of one that come as libraries
BACKEND = $(UNIT)/lib/backend_stubs.c
BACKEND_LIBS = -L$(shell $(PG_CONFIG) --pkglibdir) \
	-L$(shell $(PG_CONFIG) --libdir) -lpgcommon -lpgport

SOURCES_format = $(addprefix $(SRC)/text/,format.c email.c url.c characters.c)
SOURCES_tidy = $(SRC)/text/tidy.c $(SRC)/text/control_digits.c
SOURCES_phone = $(SRC)/text/phone.c
SOURCES_reachable = $(addprefix $(SRC)/text/,host.c unprintable.c characters.c)
SOURCES_identifier = $(SRC)/text/identifier.c
SOURCES_printed_value = $(SRC)/text/printed_value.c
SOURCES_query = $(SRC)/text/query.c $(SOURCES_format)

SOURCES_fields = $(SRC)/order/fields.c
SOURCES_named_field = $(SRC)/order/named_field.c $(SOURCES_fields)
SOURCES_plausible = $(addprefix $(SRC)/validation/,plausible.c plausible_phone.c) \
	$(addprefix $(SRC)/text/,control_digits.c host.c phone.c tidy.c unprintable.c) \
	$(SOURCES_fields) \
	$(SOURCES_format)

SOURCES_rule = $(SRC)/origin/rule.c

SOURCES_pace = $(SRC)/delivery/pace.c

SOURCES_backoff = $(SRC)/delivery/backoff.c
LIBS_backoff = $(BACKEND_LIBS) -lm

SOURCES_lesson = $(SRC)/gateway/lesson.c
SOURCES_hold_rule = $(SRC)/records/hold_rule.c

SOURCES_outcome = $(SRC)/gateway/outcome.c
SOURCES_reply = $(addprefix $(SRC)/gateway/,reply.c reply_mask.c) \
	$(SRC)/text/identifier.c $(BACKEND)
LIBS_reply = $(shell pkg-config --libs json-c) $(BACKEND_LIBS)
SOURCES_http_text = $(addprefix $(SRC)/gateway/,http_libcurl.c http_text.c http_url.c \
	http_peer.c)
LIBS_http_text = $(shell pkg-config --libs libcurl) $(BACKEND_LIBS)
SOURCES_http = $(addprefix $(SRC)/gateway/,http.c http_easy.c http_header.c http_lines.c \
	http_memory.c http_shown.c http_socket.c http_wait.c) $(SOURCES_http_text) $(BACKEND)
LIBS_http = -Wl,--wrap=curl_multi_poll $(LIBS_http_text) -lpthread
SOURCES_exchange = $(SRC)/gateway/exchange.c $(SRC)/gateway/outcome.c \
	$(sort $(SOURCES_reply) $(SOURCES_http))
LIBS_exchange = $(shell pkg-config --libs libcurl json-c) $(BACKEND_LIBS)
