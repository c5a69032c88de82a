// Parts that all views are made of. Texts of orders become text nodes, never HTML.

// make("a.button", {href: "#/orders"}, "text", node, ...): an element; null and false children are left out
export function make(what, properties, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const GOOD = ["PAID", "INVOICED"];
const BAD = ["CANCELLED", "EXPIRED"];

export function statusMark(status) {
  const word = status.toUpperCase();
  return make("span.mark" + (GOOD.includes(word) ? ".good" : BAD.includes(word) ? ".bad" : word === "SENT" ? ".wait" : ""), {}, status);
}

export function answerMark(exchange) {
  if (exchange.status === null) return make("span.mark.bad", {}, "no answer");
  return make("span.mark" + (exchange.status < 300 ? ".good" : ".bad"), {}, String(exchange.status));
}

export function twinMark(isTwin) {
  return isTwin && make("span.mark.bad", {title: "The same order, made more than once"}, "twin");
}

export function time(seconds) {
  const at = new Date(seconds * 1000);
  return make("time", {datetime: at.toISOString(), title: at.toISOString()}, at.toLocaleTimeString("en-GB"));
}

export function facts(pairs) {
  return make("dl.facts", {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

export function section(title, ...children) {
  return make("section", {"aria-label": title}, make("h3", {}, title), children);
}

export function table(caption, heads, rows, foot) {
  const cell = (tag, value, head, more) => make(tag + (head.number ? ".number" : ""), more, value ?? "");
  return make("table", {},
    make("caption.hidden", {}, caption),
    make("thead", {}, make("tr", {}, heads.map((head) => cell("th", head.title, head, {scope: "col"})))),
    make("tbody", {}, rows.map((row) => make("tr" + (row.mark ? "." + row.mark : ""), {},
      row.cells.map((value, number) => cell("td", value, heads[number], {}))))),
    foot && make("tfoot", {}, foot.map(([name, value]) => make("tr", {},
      make("th", {scope: "row", colspan: heads.length - 1}, name), make("td.number", {}, value)))));
}

export const KINDS = {
  submit: "Order sent", list: "All statuses asked for", status: "Status asked for", details: "Details asked for",
  "invoice-number": "Invoice number asked for", callback: "Callback to the shop", unknown: "Unknown address",
};

// the body of a request or an answer
export function body(title, text, without) {
  return [make("h4", {}, title), text ? make("pre", {tabindex: 0, "aria-label": title}, text) : make("p", {}, without)];
}

export function exchangeParts(exchange) {
  const isCallback = exchange.kind === "callback";
  const misbehaved = exchange.label && exchange.label !== "normally";
  return [
    facts([["Request", `${exchange.method} ${exchange.target}`],
      [isCallback && exchange.status === null ? "Why there is no answer" : "Misbehaviour", misbehaved ? exchange.label : null]]),
    exchange.sent ? body("What was sent", exchange.sent) : [],
    exchange.status === null ? [] : body(isCallback ? `The shop answered ${exchange.status}` : `The sandbox answered ${exchange.status}`,
      exchange.answered, exchange.answered === null ? "This body is not kept." : "Without a body."),
    exchange.headers.length > 0 && make("details", {}, make("summary", {}, "Headers of the request"),
      make("pre", {tabindex: 0, "aria-label": "Headers of the request"}, exchange.headers.map((line) => line.join(": ")).join("\n"))),
  ];
}
