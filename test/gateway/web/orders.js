// The list of orders, and one order.

import {answerMark, body, exchangeParts, facts, KINDS, make, section, statusMark, table, time, twinMark} from "./parts.js";

const STATUSES = ["PAID", "INVOICED", "PARTIAL REFUNDED", "REFUNDED", "CANCELLED", "EXPIRED", "Purring", "Inkasso"];

export function row(order) {
  return {
    key: order.uuid,
    href: `#/orders/${encodeURIComponent(order.uuid)}`,
    parts: [
      make("span.name", {}, order.name), make("span.sum", {}, order.grandTotal),
      make("span.about", {}, order.reference || "no reference", " · ", order.uuid, " · ", time(order.at)),
      make("span.marks", {}, twinMark(order.isTwin), statusMark(order.status)),
    ],
  };
}

const COLUMNS = [
  {title: "Product", name: "name"}, {title: "Number", name: "productId"}, {title: "Quantity", name: "quantity", number: true},
  {title: "Rate", name: "rate", number: true}, {title: "Discount", name: "discount", number: true},
  {title: "VAT %", name: "tax", number: true}, {title: "Amount", name: "amount", number: true},
];
const SUMS = [["Sum", "subTotal"], ["VAT", "totalTax"], ["Discount", "totalDiscount"], ["Total", "grandTotal"]];

// actions: setStatus(uuid, status, callback) -> what to say; show(shown): personal numbers
export function detail(order, shown, actions) {
  const columns = COLUMNS.filter(({name}) => order.lines.some((line) => line[name] !== null));
  return [
    make("header.title", {}, make("h2", {}, order.name), statusMark(order.status), twinMark(order.isTwin),
      make("p.mono", {}, [order.uuid, order.reference].filter(Boolean).join(" · "))),
    order.twins.length > 1 && make("p", {}, make("strong", {}, "Made more than once, and each is an invoice: "),
      order.twins.map((uuid) => [make("a", {href: `#/orders/${encodeURIComponent(uuid)}`}, uuid), " "])),
    table("Lines of the order", columns, order.lines.map((line) => ({cells: columns.map(({name}) => line[name])})),
      SUMS.filter(([, name]) => order.totals[name] !== undefined).map(([title, name]) => [title, order.totals[name]])),
    facts([["Customer", order.type], ["Customer's number", order.customerUuid], ["Invoice", order.invoiceNumber],
      ["Personal number", order.hasPersonal ? order.personal || "covered" : null]]),
    section("Give it another status", statusForm(order, actions)),
    order.bankIdUrl && order.status === "SENT" && section("BankID",
      make("p", {}, "The customer has not signed yet."), make("a.button", {href: order.bankIdUrl}, "Sign or decline")),
    section("Status", make("ol.history", {}, order.history.map((step) => make("li", {},
      statusMark(step.status), make("span.who", {}, step.who), time(step.at))))),
    section("Requests and answers", order.exchanges.length ? order.exchanges.map((exchange) => make("details", {"data-key": exchange.number},
      make("summary", {}, KINDS[exchange.kind], " ", answerMark(exchange), " ", time(exchange.at)), exchangeParts(exchange)))
      : make("p", {}, "None is remembered any more.")),
    make("section", {"aria-label": "Payload"}, make("div.between", {}, make("h3", {}, "Payload"),
      order.hasPersonal && make("button", {type: "button", id: "personal", "aria-pressed": String(shown), onclick: () => actions.show(!shown)},
        shown ? "Cover the personal number" : "Show the personal number")),
      make("pre", {tabindex: 0, "aria-label": "Payload"}, order.payload)),
    section("Where the shop is told", facts([["callbackUrl", order.callback.callbackUrl], ["success", order.callback.success],
      ["failure", order.callback.failure]])),
  ];
}

function statusForm(order, actions) {
  // (looked up anew: what was said stays while the rest is made anew)
  const say = (text, mark) => {
    const said = document.getElementById("said");
    said.textContent = text;
    said.className = "said" + mark;
  };
  const tells = make("input", {type: "checkbox", id: "tells", checked: true});
  const other = make("input", {id: "other", maxlength: 60, autocomplete: "off", spellcheck: "false"});
  async function set(status) {
    say("Asking …", "");
    const {text, isGood} = await actions.setStatus(order.uuid, status, tells.checked);
    say(text, isGood ? " good" : " bad");
  }
  return [
    make("div.buttons", {role: "group", "aria-label": "New status"},
      STATUSES.map((status) => make("button", {type: "button", "data-status": status, onclick: () => set(status)}, status))),
    make("form.buttons", {onsubmit: (event) => {
      event.preventDefault();
      if (other.value.trim()) set(other.value.trim());
    }}, make("label", {for: "other"}, "Another status"), other, make("button", {}, "Set")),
    make("div", {}, tells, " ", make("label", {for: "tells"}, "Send the signed callback to the shop")),
    make("p.said", {role: "status", id: "said"}),
  ];
}
