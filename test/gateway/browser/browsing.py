"""A chromium without a window, and waits for what it shows."""

import shutil
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PICTURES = Path(__file__).resolve().parents[1] / "pictures"
PATIENCE_SECONDS = 20


class Browser:
    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        # --no-sandbox: where tests run as root or in a container there is none to be had; all pages are ours
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                         "--window-size=1200,860", "--no-proxy-server", "--disable-background-networking", "--lang=en"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)

    def quit(self):
        self.driver.quit()

    def go(self, address):
        self.driver.get(address)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        """The element, once it is there."""
        return self.until(lambda: next(iter(self.all(selector)), None), selector)

    def text(self, selector):
        """The text of an element, which may be made anew while it is read."""
        return self.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def until(self, test, what):
        return WebDriverWait(self.driver, PATIENCE_SECONDS, 0.05).until(lambda _: test(), f"waited in vain for {what}")

    def until_text(self, selector, part):
        self.until(lambda: part in self.text(selector), f"{part!r} in {selector}, which has {self.text(selector)!r}")

    def press(self, selector):
        """Press a button by the page's own means, so that it may be made anew meanwhile."""
        self.one(selector)
        self.script("document.querySelector(arguments[0]).click()", selector)

    def script(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def complaints(self):
        """What the console says since it was asked: errors of scripts, violations of the policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def colours(self, scheme):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def picture(self, name):
        """A picture for README.md, if such are wished for; in any case that it can be made."""
        image = self.driver.get_screenshot_as_png()
        if "--pictures" in sys.argv:
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / f"{name}.png").write_bytes(image)
        return image
