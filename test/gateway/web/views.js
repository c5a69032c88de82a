// Requests, the ledger and misbehaviours.

import {answerMark, exchangeParts, KINDS, make, table, time, twinMark} from "./parts.js";

// --- Requests ---

export function row(exchange) {
  return {
    key: exchange.number,
    href: `#/requests/${exchange.number}`,
    parts: [
      make("span.name", {}, KINDS[exchange.kind]), make("span.sum", {}, answerMark(exchange)),
      make("span.about", {}, exchange.uuid || exchange.target), make("span.about", {}, time(exchange.at)),
    ],
  };
}

export function detail(exchange, shown, actions) {
  return [
    make("header.title", {}, make("h2", {}, KINDS[exchange.kind]), answerMark(exchange), time(exchange.at),
      exchange.uuid && make("p", {}, make("a", {href: `#/orders/${encodeURIComponent(exchange.uuid)}`}, exchange.uuid))),
    exchangeParts(exchange),
    make("section", {}, make("button", {type: "button", id: "personal", "aria-pressed": String(shown), onclick: () => actions.show(!shown)},
      shown ? "Cover personal numbers" : "Show personal numbers")),
  ];
}

// --- The ledger ---

const LEDGER = [
  {title: "No.", number: true}, {title: "Time"}, {title: "Reference"}, {title: "Order"}, {title: "What came of it"},
  {title: "Answer", number: true}, {title: "Answered"}, {title: "SHA-256 of the body"},
];

export function ledger(entries) {
  const what = (entry) => entry.made ? (entry.update ? "changed" : "made") : "not made";
  return make("div.scroll", {tabindex: 0, role: "region", "aria-label": "Ledger"}, table("Creates that were received, newest first", LEDGER,
    entries.map((entry) => ({mark: entry.isTwin ? "twin" : "", cells: [
      String(entry.seq), entry.time.slice(11, 19), entry.referenceNo,
      entry.order_uuid && make("a", {href: `#/orders/${encodeURIComponent(entry.order_uuid)}`}, entry.order_uuid),
      make("span", {}, what(entry), " ", twinMark(entry.isTwin)),
      String(entry.status), entry.answered, make("code", {title: entry.sha256}, entry.sha256.slice(0, 12))]}))));
}

// --- Misbehaviours ---

const PRESETS = [
  ["The answer is lost: the order is made, the connection is reset", {reset_after_request: true}],
  ["The answer is cut after 40 bytes", {cut_answer: 40}],
  ["The answer takes 5 seconds", {delay: 5}],
  ["No answer for 30 seconds", {stall: 30}],
  ["The order is refused (417)", {status: 417}],
  ["The token is not accepted (401)", {status: 401}],
  ["Too many requests (429)", {status: 429}],
  ["An internal error (500)", {status: 500}],
  ["nginx says 502, and no order is made", {html: true}],
  ["Garbage instead of HTTP", {garbage: true}],
  ["The answer names another order", {data: {orderUuid: "ODR0000000000"}}],
  ["The gateway is away for 10 seconds", {stop_listening: 10}],
];
const ROUTES = [["submit", "orders that are sent"], ["status", "status of an order"], ["list", "all statuses"],
  ["details", "details of an order"], ["invoice-number", "invoice number"], ["*", "any request"]];

export function misbehaviours(actions) {
  const said = make("p.said", {role: "status", id: "said"});
  const pending = make("div", {id: "pending"});
  const preset = make("select", {id: "preset"}, PRESETS.map(([title], number) => make("option", {value: number}, title)));
  const route = make("select", {id: "route"}, ROUTES.map(([name, title]) => make("option", {value: name}, title)));
  const times = make("input", {id: "times", type: "number", min: 0, max: 1000, value: 1});
  const text = make("textarea", {id: "text", spellcheck: "false", "aria-describedby": "text-hint"});
  const write = () => {
    text.value = JSON.stringify({...PRESETS[preset.value][1], route: route.value, requests: Number(times.value)});
  };
  for (const input of [preset, route, times]) input.addEventListener("input", write);
  write();

  async function ask(call, good) {
    const {ok, message} = await call;
    said.textContent = ok ? good : message;
    said.className = ok ? "said good" : "said bad";
  }

  return [
    make("div.panel", {}, make("h2", {}, "Let something go wrong"),
      make("p", {}, "The next requests that match are answered so. The ledger says what became of each order."),
      make("form", {onsubmit: (event) => {
        event.preventDefault();
        let wish = null;
        try { wish = JSON.parse(text.value); } catch { /* said below */ }
        if (wish === null || typeof wish !== "object" || Array.isArray(wish)) {
          said.textContent = "This is no JSON object.";
          said.className = "said bad";
        } else ask(actions.misbehave(wish), "It waits for its request.");
      }},
      make("div.fields", {}, make("div.field", {}, make("label", {for: "preset"}, "What happens"), preset),
      make("div.field", {}, make("label", {for: "route"}, "To which requests"), route),
      make("div.field", {}, make("label", {for: "times"}, "How many (0: until all are taken back)"), times)),
      make("div.field", {}, make("label", {for: "text"}, "As it is asked for"), text,
        make("p.hint", {id: "text-hint"}, "All keys: test/gateway/README.md, Misbehaviours. Keys of one object can be joined.")),
      make("button.primary", {}, "Ask for it")), said),
    make("div.panel", {}, make("div.between", {}, make("h2", {}, "Waiting"),
      make("button", {type: "button", id: "behave", onclick: () => ask(actions.behave(), "All are taken back.")}, "Take all back")), pending),
  ];
}

export function pendingList(specs) {
  if (!specs.length) return make("p", {}, "Nothing: the gateway behaves.");
  return make("ul", {}, specs.map((spec) => make("li", {}, make("code", {}, JSON.stringify(spec)))));
}
