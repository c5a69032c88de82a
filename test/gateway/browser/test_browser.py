"""The page and BankID's page in a browser, with a gateway alone."""

import http.server
import threading
import unittest

from browsing import PICTURES, Browser
from example import EXAMPLE, corporate, with_value
from running import Running

NUMBER = EXAMPLE["customerDetails"]["personalNumber"]

# Each would set document.hacked if a page took it for more than text.
HOSTILE = (
    "<img src=x onerror=document.hacked=1>", "<script>document.hacked=1</script>", "\"><svg onload=document.hacked=1>",
    "javascript:document.hacked=1", "</script><script>document.hacked=1</script>", "${document.hacked=1}", "{{token}}",
)


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<title>the shop</title><p>{self.path.partition('?')[0]}".encode())

    def log_message(self, *args):
        pass


def contrast(browser, selector):
    """The contrast of an element's text with what lies behind it, as WCAG counts it."""
    return browser.script("""
        const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
        const light = (colour) => numbers(colour).slice(0, 3).map((c) => c / 255)
            .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (element) => {
            for (; element; element = element.parentElement) {
                const colour = getComputedStyle(element).backgroundColor;
                if ((numbers(colour)[3] ?? 1) === 1) return colour;
            }
            return "rgb(255, 255, 255)";
        };
        return [...document.querySelectorAll(arguments[0])].filter((e) => e.offsetParent).map((element) => {
            const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
            return [(a + 0.05) / (b + 0.05), element.textContent.slice(0, 30)];
        })""", selector)


class BrowserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Running("--bankid", "here")
        cls.page = f"http://127.0.0.1:{cls.gateway.port}"
        cls.shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
        threading.Thread(target=cls.shop.serve_forever, daemon=True).start()
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.shop.shutdown()
        cls.shop.server_close()
        code, errors = cls.gateway.stop()
        assert (code, errors) == (0, ""), (code, errors)

    def setUp(self):
        self.browser.go("about:blank")  # what the test before wrote into a field is gone
        self.browser.colours("light")
        self.gateway.sandbox("DELETE", "misbehave")

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])

    def order(self, name="Kari Nordmann", reference=None, **changes):
        order = with_value("customerDetails.name", name)
        address = f"http://127.0.0.1:{self.shop.server_port}"
        order["callback"] = {"callbackUrl": f"{address}/told", "success": f"{address}/thanks", "failure": f"{address}/sorry"}
        return {**order, "referenceNo": reference, **changes}

    def make(self, *arguments, **changes):
        return self.gateway.submit(self.order(*arguments, **changes))[1]["data"]["orderUuid"]

    def show(self, uuid):
        self.browser.go(f"{self.page}/#/orders/{uuid}")
        self.browser.until_text("#detail", uuid)

    def test_live(self):
        """an order appears while the page is open, and its status changes there; the page says what it is"""
        browser = self.browser
        browser.go(f"{self.page}/")
        browser.until_text("#live", "live")
        self.assertIn("No order here is real", browser.text(".notice"))
        uuid = self.make("Ola Live")
        browser.until_text("#list", uuid)
        self.assertIn("Ola Live", browser.text("#list li:first-child"))
        self.gateway.sandbox("POST", f"orders/{uuid}", {"status": "EXPIRED"})
        browser.until_text("#list li:first-child", "EXPIRED")

    def test_status(self):
        """a button gives a status, sends the callback, says what answered; the focus stays on it"""
        browser, uuid = self.browser, self.make()
        self.show(uuid)
        browser.script("document.querySelector('[data-status=\"PARTIAL REFUNDED\"]').focus()")
        browser.press('[data-status="PARTIAL REFUNDED"]')
        browser.until_text("#said", "The shop answered the callback with 200.")
        browser.until_text(".history", "PARTIAL REFUNDED")
        browser.until_text("#detail", "Callback to the shop")
        self.assertIn("PARTIAL REFUNDED", browser.text("#list a[aria-current]"))
        self.assertEqual(browser.script("return document.activeElement.dataset.status"), "PARTIAL REFUNDED")
        self.assertEqual(browser.script("return document.querySelector('#said').getAttribute('role')"), "status")
        browser.press("#tells")
        browser.one("#other").send_keys("Tapt sak\n")
        browser.until_text("#said", "The status is Tapt sak. The shop was not told.")
        self.assertEqual(self.gateway.json("GET", f"/api/v1/connect/orders/status/{uuid}")[1]["data"]["status"], "Tapt sak")

    def test_covered(self):
        """the personal number is on the page only while it is asked for"""
        browser = self.browser
        self.show(self.make("Kari Covered"))
        everything = "return document.documentElement.outerHTML"
        self.assertNotIn(NUMBER, browser.script(everything))
        browser.press("#personal")
        browser.until_text("#detail", NUMBER)
        self.assertIn("Cover the personal number", browser.text("#personal"))
        browser.press("#personal")
        browser.until(lambda: NUMBER not in browser.script(everything), "the cover")
        browser.press("#personal")
        browser.until_text("#detail", NUMBER)
        self.show(self.make("Ola Covered"))
        self.assertNotIn(NUMBER, browser.script(everything))

    def test_hostile(self):
        """whatever an order says is text, in each view and on BankID's page"""
        browser, uuids = self.browser, []
        for text in HOSTILE:
            order = self.order(text, text, customerReference=text)
            order["products"] = [{**order["products"][0], "name": text, "productId": text}]
            order["customerDetails"]["address"]["city"] = text
            uuids.append(self.gateway.submit(order)[1]["data"]["orderUuid"])
            self.gateway.sandbox("POST", f"orders/{uuids[-1]}", {"status": text})
            self.gateway.submit({**order, "orderDate": None})
        self.gateway.sandbox("POST", "misbehave", {"route": "list", "body_has": HOSTILE[0]})
        places = [f"/#/{view}" for view in ("orders", "requests", "ledger", "misbehaviours")]
        for uuid, text in zip(uuids, HOSTILE):
            self.show(uuid)
            self.assertIn(text, browser.text("#detail h2"))
            self.assertIn(text, browser.text("#detail td"))
            self.assertEqual(browser.script("return document.querySelectorAll('main img, main script, main svg').length"), 0)
            places.append(f"/bankid/{self.make(text, text)}")
        for place in places:
            browser.go(self.page + place)
            browser.until(lambda: browser.text("main").strip(), place)
            self.assertEqual(browser.script("return [document.hacked ?? 0, document.querySelectorAll('main img, main svg').length]"),
                             [0, 0], place)
        self.assertIn(HOSTILE[-1], browser.text(".lead"))

    def test_search(self):
        """a search finds by name, reference, product and status, and tells if nothing is found"""
        browser = self.browser
        wanted = self.make("Søren Sought", "sought-1")
        other = self.make("Somebody Else", "else-1")
        browser.go(f"{self.page}/#/orders")
        browser.until_text("#list", other)
        for text in ("søren", "SOUGHT-1", wanted.lower()):
            field = browser.one("#wanted")
            field.clear()
            field.send_keys(text)
            browser.until(lambda: wanted in browser.text("#list") and other not in browser.text("#list"), f"the search for {text}")
        browser.one("#wanted").send_keys(" nothing")
        browser.until_text("#list", "Nothing is found.")

    def test_misbehaviours(self):
        """a misbehaviour is asked for with the form, waits, is used up by an order, and the request tells of it"""
        browser = self.browser
        browser.go(f"{self.page}/#/misbehaviours")
        browser.until_text("#pending", "the gateway behaves")
        browser.script("const p = document.querySelector('#preset'); p.value = 7; p.dispatchEvent(new Event('input'))")
        browser.press(".panel button.primary")
        browser.until_text("#said", "It waits for its request.")
        browser.until_text("#pending", '{"status":500,"route":"submit","requests":1}')
        self.assertEqual(self.gateway.submit(self.order())[0], 500)
        browser.until_text("#pending", "the gateway behaves")
        browser.go(f"{self.page}/#/requests")
        browser.until_text("#list li:first-child", "500")
        browser.go(f"{self.page}/#/misbehaviours")
        text = browser.one("#text")
        text.clear()
        text.send_keys('{"delya": 1}')
        browser.press(".panel button.primary")
        browser.until_text("#said", "Unknown misbehaviour key 'delya'")
        # what the browser says of the answer 400
        self.assertEqual(["400" in complaint for complaint in browser.complaints()], [True])
        text.clear()
        text.send_keys('{"stall": 1, "requests": 0}')
        browser.press(".panel button.primary")
        browser.until_text("#pending", '"stall":1')
        browser.press("#behave")
        browser.until_text("#pending", "the gateway behaves")
        self.assertEqual(self.gateway.sandbox("GET", "misbehave")[1], [])

    def test_keyboard(self):
        """with the keyboard alone: from the first link to an order, and to a button of it; every field has a name"""
        browser = self.browser
        uuid = self.make("Kari Keyboard")
        browser.go(f"{self.page}/#/orders")
        browser.until_text("#list li:first-child", uuid)
        keys = []
        for _ in range(12):
            browser.driver.switch_to.active_element.send_keys("\ue004")
            keys.append(browser.script("const e = document.activeElement; return e.getAttribute('href') ?? e.id"))
            if keys[-1].endswith(uuid):
                break
        self.assertEqual(keys, ["#main", "#/orders", "#/orders", "#/requests", "#/ledger", "#/misbehaviours", "wanted",
                                f"#/orders/{uuid}"])
        browser.driver.switch_to.active_element.send_keys("\ue007")
        browser.until_text("#detail", uuid)
        self.assertEqual(browser.script("return document.activeElement.getAttribute('href')"), f"#/orders/{uuid}")
        for view in ("orders", "misbehaviours"):
            browser.go(f"{self.page}/#/{view}/{uuid if view == 'orders' else ''}")
            browser.one("#other" if view == "orders" else "#preset")
            self.assertEqual(browser.script("""return [...document.querySelectorAll('input, select, textarea')]
                .filter((e) => !e.labels.length).map((e) => e.id)"""), [])

    def test_colours(self):
        """light and dark: each text has a contrast of 4.5 to 1 at least; a narrow window needs no scrolling sideways"""
        browser = self.browser
        self.make("Kari Twin", "colour-twin")
        uuid = self.make("Kari Twin", "colour-twin")
        paid = self.make("Kari Paid", "colour-paid")
        self.gateway.sandbox("POST", f"orders/{paid}", {"status": "PAID"})
        places = (f"/#/orders/{uuid}", f"/#/orders/{paid}", "/#/ledger", "/#/requests", "/#/misbehaviours",
                  f"/bankid/{uuid}")
        backgrounds = set()
        for scheme in ("light", "dark"):
            browser.colours(scheme)
            for place in places:
                browser.go(self.page + place)
                browser.until(lambda: browser.text("main").strip(), place)
                browser.one("main :is(a, button)")
                found = contrast(browser, "body :is(p, a, h1, h2, h3, h4, th, td, dt, dd, li, pre, button, label, summary, "
                                          "span, strong, time, input, select, textarea)")
                self.assertGreater(len(found), 8, place)
                self.assertEqual([each for each in found if each[0] < 4.5], [], f"{scheme} {place}")
            backgrounds.add(browser.script("return getComputedStyle(document.documentElement).backgroundColor"))
        self.assertEqual(len(backgrounds), 2)
        browser.driver.set_window_size(500, 900)
        try:
            for place in places:
                browser.go(self.page + place)
                browser.until(lambda: browser.text("main").strip(), place)
                self.assertLessEqual(browser.script("return document.documentElement.scrollWidth - innerWidth"), 0, place)
        finally:
            browser.driver.set_window_size(1200, 860)

    def test_bank_id(self):
        """from an order to BankID's page; sign leads to callback.success, decline to callback.failure"""
        browser = self.browser
        for decision, status, path in (("sign", "INVOICED", "/thanks"), ("decline", "CANCELLED", "/sorry")):
            uuid = self.make("Kari Signs", f"bankid-{decision}")
            self.show(uuid)
            browser.press("#detail a.button")
            browser.until_text("h1", "Sign this order")
            self.assertIn("Kari Signs, you would sign", browser.text(".lead"))
            self.assertIn("This is not BankID", browser.text(".notice"))
            browser.press(f"button[value={decision}]")
            browser.until(lambda: browser.driver.title == "the shop", "the shop's page")
            self.assertEqual(browser.driver.current_url, f"http://127.0.0.1:{self.shop.server_port}{path}")
            self.assertEqual(browser.text("p"), path)
            self.show(uuid)
            self.assertIn(status, browser.text(".history"))
            self.assertEqual(browser.all("#detail a.button"), [])

    def test_away(self):
        """a gateway that ends is told; the page finds the next one at the same address, and its token is refused"""
        browser, first = self.browser, Running()
        browser.go(f"http://127.0.0.1:{first.port}/#/misbehaviours")
        browser.until_text("#live", "live")
        first.stop()
        browser.until_text("#live", "not connected")
        second = Running("--port", str(first.port))
        try:
            browser.until_text("#live", "live")
            browser.press(".panel button.primary")
            browser.until_text("#said", "started anew since this page was loaded")
        finally:
            second.stop()
            browser.go("about:blank")
            browser.complaints()  # of requests that failed

    def test_pictures(self):
        """the pictures of README.md, each of which is there and small"""
        gateway = Running("--bankid", "here")
        page, browser = f"http://127.0.0.1:{gateway.port}", self.browser
        lines = [("Router", "499.00", 2, 25), ("Cable", "99.00", 3, 25), ("Guide", "120.00", 1, 12)]
        uuids = []
        for number, name in enumerate(("Kari Nordmann", "Ola Nordmann", "Siri Berg", "Åse Ødegård", "Nils Lie", "Nils Lie")):
            number = min(number, 4)
            order = self.order(name, f"shop-{number + 1}")
            order["products"] = [{"name": title, "quantity": count, "rate": rate, "tax": tax, "amount": f"{count * float(rate):.2f}"}
                                 for title, rate, count, tax in lines[:number % 3 + 1]]
            total = f"{sum(float(line['amount']) for line in order['products']):.2f}"
            order["orderSummary"] = {"subTotal": total, "totalTax": "0", "totalDiscount": "0", "grandTotal": total}
            uuids.append(gateway.submit(order)[1]["data"]["orderUuid"])
        gateway.sandbox("POST", f"orders/{uuids[0]}", {"status": "PAID"})
        gateway.sandbox("POST", f"orders/{uuids[1]}", {"status": "INVOICED", "callback": True})
        made = {}
        try:
            for name, place, sign in (("orders", f"/#/orders/{uuids[2]}", uuids[2]), ("ledger", "/#/ledger", "twin"),
                                      ("misbehaviours", "/#/misbehaviours", "behaves"), ("bankid", f"/bankid/{uuids[2]}", "Decline")):
                browser.go(page + place)
                browser.until_text("main", sign)
                made[name] = browser.picture(name)
            browser.colours("dark")
            browser.go(f"{page}/#/orders/{uuids[1]}")
            browser.until_text("#detail", uuids[1])
            made["dark"] = browser.picture("dark")
            browser.go("about:blank")
        finally:
            gateway.stop()
        readme = (PICTURES.parent / "README.md").read_text()
        self.assertEqual(sorted(made), sorted(path.stem for path in PICTURES.glob("*.png")))
        for name, image in made.items():
            self.assertIn(f"(pictures/{name}.png)", readme)
            for png in (image, (PICTURES / f"{name}.png").read_bytes()):
                self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
                self.assertLess(len(png), 160_000, name)
