// The page: which view is shown, what the gateway says, and that it is looked at again when something happens there.

import {make} from "./parts.js";
import * as orders from "./orders.js";
import * as views from "./views.js";

const $ = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=sandbox-token]").content;

// --- Asking the gateway ---

async function get(name, query = {}) {
  const filled = Object.entries(query).filter(([, value]) => value);
  const answer = await fetch(`/page/${name}?${new URLSearchParams(filled)}`, {cache: "no-store"});
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.message);
  return value;
}

async function post(name, wish) {
  try {
    const answer = await fetch(`/page/${name}`, {
      method: "POST", headers: {"Content-Type": "application/json", "X-Sandbox-Token": token}, body: JSON.stringify(wish)});
    return {ok: answer.ok, ...await answer.json()};
  } catch {
    return {ok: false, message: "The sandbox does not answer."};
  }
}

async function setStatus(uuid, status, callback) {
  const answer = await post(`orders/${encodeURIComponent(uuid)}/status`, {status, callback});
  if (!answer.ok) return {text: answer.message, isGood: false};
  if (answer.callback === null) return {text: `The status is ${answer.status}. The shop was not told.`, isGood: true};
  if (answer.callback.failed) return {text: `The status is ${answer.status}. The shop was not told: ${answer.callback.failed}`, isGood: false};
  const {answered} = answer.callback;
  return {text: `The status is ${answer.status}. The shop answered the callback with ${answered}.`, isGood: answered < 300};
}

// --- Where we are: #/view/key ---

const LISTS = {
  orders: {name: "orders", rows: (value) => value.orders.map(orders.row), detail: orders.detail,
    empty: "No order yet. The shop's orders appear here as they come in."},
  requests: {name: "exchanges", rows: (value) => value.exchanges.map(views.row), detail: views.detail,
    empty: "No request yet."},
};
const VIEWS = ["orders", "requests", "ledger", "misbehaviours"];

let place = {view: "", key: ""};
let shown = false;      // personal numbers
let known = new Set();  // rows that were there before, so that a new one can be told
let before = "";        // what the detail was made of

function read() {
  const [view, key] = location.hash.replace(/^#\//, "").split("/");
  return {view: VIEWS.includes(view) ? view : "orders", key: decoded(key || "")};
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

async function go() {
  const next = read();
  const isOther = next.view !== place.view;
  if (isOther || next.key !== place.key) { shown = false; before = ""; $("detail").replaceChildren(); }
  place = next;
  if (isOther) {
    known = new Set();
    $("wanted").value = "";
    $("list").replaceChildren();
    $("main").classList.toggle("wide", !LISTS[place.view]);
    $("search").hidden = place.view === "misbehaviours";
    if (place.view === "misbehaviours") $("list").append(...views.misbehaviours({misbehave: (wish) => post("misbehave", wish), behave: () => post("behave", {})}));
  }
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === place.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  await look();
}

// --- Looking: one look at a time, and once more if something happened meanwhile ---

let looking = false;
let again = false;

async function look() {
  if (looking) { again = true; return; }
  looking = true;
  try {
    do {
      again = false;
      await lookOnce();
    } while (again);
    $("alarm").textContent = "";
  } catch (reason) {
    $("alarm").textContent = reason instanceof TypeError ? "The sandbox does not answer. It may have ended." : reason.message;
  } finally {
    looking = false;
  }
}

async function lookOnce() {
  const {view, key} = place;
  const list = LISTS[view];
  const value = await get(list ? list.name : view, {q: $("wanted").value.trim()});
  if (view !== place.view) { again = true; return; }
  showCounts(value.counts);
  if (view === "misbehaviours") $("pending").replaceChildren(views.pendingList(value.pending));
  else if (view === "ledger") showLedger(value);
  else showRows(list, value);
  if (list && key) await showDetail(list, key);
}

function showCounts(counts) {
  $("count-orders").textContent = counts.orders || "";
  $("count-ledger").textContent = (counts.ledger || "") + (counts.twins ? ` · ${counts.twins} twins` : "");
  $("count-misbehaviours").textContent = counts.misbehaviours || "";
}

function empty(list) {
  return make("p.empty", {}, $("wanted").value.trim() ? "Nothing is found." : list);
}

const MORE = "There are more; the newest are shown. A search finds the others.";

function showLedger(value) {
  if (!value.ledger.length) $("list").replaceChildren(empty("The ledger is empty: no order was received."));
  else $("list").replaceChildren(views.ledger(value.ledger), ...(value.more ? [make("p.more", {}, MORE)] : []));
}

function showRows(list, value) {
  const rows = list.rows(value);
  const focused = document.activeElement?.closest?.("#list a")?.getAttribute("href");
  const isFirst = known.size === 0;
  const nodes = rows.map((row) => make("li", {}, make("a" + (isFirst || known.has(row.key) ? "" : ".fresh"),
    {href: row.href, "aria-current": String(row.key) === place.key ? "true" : null}, row.parts)));
  rows.forEach((row) => known.add(row.key));
  $("list").replaceChildren(rows.length ? make("ul.rows", {}, nodes) : empty(list.empty),
    ...(value.more ? [make("p.more", {}, MORE)] : []));
  if (focused) document.querySelector(`#list a[href="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
}

async function showDetail(list, key) {
  const value = await get(`${list.name}/${encodeURIComponent(key)}`, {personal: shown && "shown"});
  if (key !== place.key) { again = true; return; }
  const now = JSON.stringify([value, shown]);
  if (now === before) return;
  before = now;
  // what a person opened, wrote, reads and has the focus on stays
  const old = $("detail");
  const open = new Set([...old.querySelectorAll("details[open][data-key]")].map((each) => each.dataset.key));
  const said = old.querySelector("#said");
  const other = old.querySelector("#other")?.value;
  const tells = old.querySelector("#tells")?.checked;
  const focus = old.contains(document.activeElement) ? document.activeElement : null;
  const scroll = old.scrollTop;
  const article = make("article", {}, list.detail(value, shown, {setStatus, show: (wish) => { shown = wish; look(); }}));
  old.replaceChildren(article);
  for (const each of old.querySelectorAll("details[data-key]")) each.open = open.has(each.dataset.key);
  if (said) old.querySelector("#said").replaceWith(said);
  if (other) old.querySelector("#other").value = other;
  if (tells !== undefined) old.querySelector("#tells").checked = tells;
  if (focus?.id) $(focus.id)?.focus({preventScroll: true});
  else if (focus?.dataset.status) old.querySelector(`[data-status="${CSS.escape(focus.dataset.status)}"]`)?.focus({preventScroll: true});
  old.scrollTop = scroll;
}

// --- What happens ---

addEventListener("hashchange", go);
$("search").addEventListener("submit", (event) => event.preventDefault());
$("wanted").addEventListener("input", look);

const events = new EventSource("/page/events");
const say = (text, isOn) => {
  if ($("live").textContent !== text) $("live").textContent = text;
  $("live").classList.toggle("on", isOn);
};
events.addEventListener("open", () => { say("live", true); look(); });
events.addEventListener("error", () => say("not connected", false));
events.addEventListener("change", look);

go();
