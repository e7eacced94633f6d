"""Looks at a page of `thresh report` in a browser: errors, widths, keyboard, sorting, contrast, light and dark.

    python Tests/Interop/page.py report.html FOLDER [/usr/bin/chromium]

By hand: needs the package playwright and a Chromium. Writes screenshots into FOLDER.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

# The least contrast of any text with what is behind it (WCAG 2: 4.5 for AA).
CONTRAST = """() => {
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const numbers = color => color.match(/[\\d.]+/g).map(Number);
  let least = [99, ""];
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    if (element.closest("script, style, title") || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const ink = numbers(element.closest("svg") ? style.fill : style.color);
    let behind = element, back = [0, 0, 0, 0];
    while (behind && (back[3] ?? 1) === 0) {
      back = numbers(getComputedStyle(behind).backgroundColor); behind = behind.parentElement;
    }
    const [a, b] = [light(ink), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < least[0]) least = [ratio, element.outerHTML.slice(0, 120)];
  }
  return least;
}"""


def check(page: Page, file: Path, folder: Path, width: int, scheme: str) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
    page.goto(file.resolve().as_uri())
    page.screenshot(path=folder / f"{file.stem}-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the screen"
    ratio, where = page.evaluate(CONTRAST)
    assert ratio >= 4.5, (ratio, where)

    bars = page.locator(".network a")
    if bars.count():
        bars.first.focus()
        told = page.locator("p.told").first.text_content()
        assert told == bars.first.get_attribute("aria-label"), told
        page.keyboard.press("Tab")
        assert page.locator("p.told").first.text_content() == bars.nth(1).get_attribute("aria-label")
        page.keyboard.press("Enter")
        assert page.evaluate("document.querySelector('tr:target') !== null")
    heading = page.locator("table.sortable th").nth(1)
    heading.locator("button").focus()
    for order, sign in [("ascending", 1), ("descending", -1)]:
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == order
        values = page.evaluate(
            "[...document.querySelector('table.sortable').tBodies[0].rows].map(r => +r.cells[1].dataset.value)"
        )
        assert values == sorted(values, key=lambda value: sign * value), values
    assert not said, said
    print(f"{file.name} at {width} pixels, {scheme}: least contrast {ratio:.1f}")


def main() -> None:
    file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=sys.argv[3] if len(sys.argv) > 3 else "/usr/bin/chromium")
        for width, height in [(390, 844), (1280, 900)]:
            for scheme in ["light", "dark"]:
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                check(context.new_page(), file, folder, width, scheme)
        browser.close()


main()
