"""The page in a real browser: read, followed, pasted into, by keyboard alone, without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from ethr_did.core.keys import parse_address
from ethr_did.core.status_entry import ContractId, ListEntry
from ethr_did.core.status_list import INVALID
from support.browser import visiting
from support.fake_chain import DAY, Person
from support.issuing import FINAL, wish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from ethr_did.chain.local import LocalAccount
    from support.browser import Visit
    from support.fake_chain import FakeChain
    from support.triangle import Triangle

# The browser lives in the session's event loop.
pytestmark = pytest.mark.asyncio(loop_scope="session")

ALICE, BOB, GONE, EVIL = (Person.named(name) for name in ("alice", "bob", "gone", "evil"))
HOSTILE = (
    "javascript:document.title='hacked'",
    "<script>document.title='hacked'</script>",
    "<img src='https://evil.example/x' onerror='document.title=1'>",
    f"https://good.example/{chr(0x202E)}gpj.exe",
    "Z" + chr(0x301) * 200,
    "A" * 20_000,
)


@pytest.fixture
def fake(fake: FakeChain) -> FakeChain:
    """A chain on which something has happened."""
    fake.add_service(ALICE, "LinkedDomains", "https://alice.example.com", 365 * DAY)
    fake.add_delegate(ALICE, "sigAuth", BOB, 30 * DAY)
    fake.set_attribute(ALICE, "did/pub/Ed25519/veriKey/base64", bytes(range(32)), DAY)
    fake.change_owner(ALICE, BOB)
    fake.deactivate(GONE)
    for endpoint in HOSTILE:
        fake.add_service(EVIL, "Hub", endpoint)
    return fake


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, served: str) -> AsyncIterator[Visit]:
    """Somebody looks at the page, without scripts as it is without them for everybody."""
    async with visiting(browser, served, java_script_enabled=False) as visit:
        yield visit
        assert visit.strangers == []


async def heading(page: Page) -> str:
    """The only heading of the first level."""
    return await page.get_by_role("heading", level=1).inner_text()


# -- identities ----------------------------------------------------------------------------------


async def test_a_did_is_pasted_and_read(visit: Visit) -> None:
    await visit.open()
    await visit.paste(f"  {ALICE.did}\n")
    assert visit.page.url == f"{visit.home}/?did={ALICE.did}"
    assert await heading(visit.page) == "Identity"
    said = await visit.text()
    assert "#delegate-1" in said
    assert "Authentication, Assertions" in said
    assert visit.complaints == []


async def test_the_history_leads_to_the_document_at_a_block(visit: Visit) -> None:
    await visit.open(f"/?did={ALICE.did}")
    titles = await visit.page.locator(".timeline h3").all_inner_texts()
    assert titles == ["Owner changed", "Key added", "Delegate added", "Service added"]
    await visit.page.get_by_role("link", name="The document at block 6").click()
    assert visit.page.url.endswith("&versionId=6")
    assert "An earlier version." in await visit.text()
    await visit.page.get_by_role("link", name="Show it as it is now").click()
    assert "An earlier version." not in await visit.text()


async def test_a_version_is_chosen_by_block_and_by_time(visit: Visit) -> None:
    await visit.open(f"/?did={ALICE.did}")
    await visit.page.get_by_label("After block").fill("7")
    await visit.page.get_by_role("button", name="Show that version").click()
    assert "after block 7" in await visit.text()
    await visit.page.get_by_label("After block").fill("")
    await visit.page.get_by_label("Or at a time").fill("2023-11-14T22:14:32")
    await visit.page.get_by_role("button", name="Show that version").click()
    assert "at 2023-11-14 22:14:32 UTC" in await visit.text()


async def test_the_whole_answer_is_folded(visit: Visit) -> None:
    await visit.open(f"/?did={ALICE.did}")
    raw = visit.page.locator("pre")
    assert not await raw.is_visible()
    await visit.page.get_by_text("The whole answer as JSON").click()
    assert '"didDocument": {' in await raw.inner_text()


async def test_a_deactivated_identity_is_gone(visit: Visit) -> None:
    response = await visit.page.goto(f"{visit.home}/?did={GONE.did}")
    assert response is not None
    assert response.status == 410
    assert await heading(visit.page) == "Deactivated identity"


async def test_garbage_is_refused_and_stays_in_the_field(visit: Visit) -> None:
    await visit.open()
    await visit.paste("lorem ipsum")
    assert await heading(visit.page) == "That cannot be read"
    assert await visit.page.get_by_label("DID or credential").input_value() == "lorem ipsum"


# -- credentials ---------------------------------------------------------------------------------


async def test_credentials_are_pasted_and_judged(
    triangle: Triangle,
    served_real: str,
    browser: Browser,
    alice: LocalAccount,
) -> None:
    issuer = triangle.owner(alice)
    triangle.office.issuer(alice).apply([wish(FINAL, 7, INVALID)], triangle.office.sender(alice))
    network = triangle.office.network
    registry = ContractId(network.chain_id, parse_address(str(network.status_registry)))
    good, bad = (
        triangle.vc_jwt(
            issuer,
            None,
            credentialStatus=ListEntry(registry=registry, list_id=FINAL, index=index).to_dict(),
        )
        for index in (8, 7)
    )
    async with visiting(browser, served_real) as visit:
        await visit.open()
        await visit.paste(good)
        assert (
            "Valid, if you trust the issuer." in await visit.page.locator(".verdict").inner_text()
        )
        assert await visit.page.locator(".verdict.good").count() == 1
        await visit.paste(bad)
        assert "Not valid." in await visit.page.locator(".verdict.bad").inner_text()
        row = visit.page.get_by_role("row", name="Status")
        assert "revoked" in await row.inner_text()
        assert await visit.page.locator(".verdict.good").count() == 0
        # A credential is in no address, here or anywhere.
        assert {url.removeprefix(visit.home) for url in visit.requests if "?" in url} == set()
        assert visit.page.url == f"{visit.home}/"
        assert (visit.strangers, visit.complaints) == ([], [])


# -- hostile content -----------------------------------------------------------------------------


async def test_hostile_services_do_nothing(browser: Browser, served: str) -> None:
    async with visiting(browser, served, viewport={"width": 320, "height": 640}) as visit:
        await visit.open(f"/?did={EVIL.did}")
        assert (await visit.page.title()).startswith("Identity did:ethr:dev:")
        assert await visit.page.locator("script, img, iframe").count() == 0
        links = await visit.page.locator("main a").evaluate_all("all => all.map(a => a.href)")
        assert all(link.startswith(visit.home) for link in links)
        assert "[U+202E]gpj.exe" in await visit.text()
        assert await visit.overflow() == 0
        assert (visit.strangers, visit.complaints) == ([], [])


# -- keyboard ------------------------------------------------------------------------------------

FOCUSED = "document.activeElement.id || document.activeElement.textContent.trim()"
OUTLINE = "getComputedStyle(document.activeElement).outlineStyle"


async def test_the_page_is_used_by_keyboard_alone(browser: Browser, served: str) -> None:
    async with visiting(browser, served) as visit:
        page = visit.page
        await visit.open(f"/?did={ALICE.did}")
        order = []
        for _ in range(5):
            await page.keyboard.press("Tab")
            order.append(await page.evaluate(FOCUSED))
            assert await page.evaluate(OUTLINE) == "solid"
        assert order[0] == "Skip to the main content"
        assert order[2:4] == ["text", "Look up"]
        assert order[4] == "https://alice.example.com"

        await page.reload()
        await page.keyboard.press("Tab")
        assert await page.get_by_text("Skip to the main content").is_visible()
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        await page.keyboard.press("Tab")
        assert await page.evaluate(FOCUSED) == "https://alice.example.com"

        await page.get_by_label("DID or credential").focus()
        await page.keyboard.press("Control+A")
        await page.keyboard.insert_text(GONE.did)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/?did={GONE.did}")
        assert await heading(page) == "Deactivated identity"


# -- for everybody -------------------------------------------------------------------------------

PAGES = ("/", f"/?did={ALICE.did}", f"/?did={GONE.did}", "/?did=lorem", f"/?did={EVIL.did}")

FAULTS = """
() => {
  const faults = [];
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const [r, g, b, a = 1] = rgb(getComputedStyle(element).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  for (const element of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    const speaks = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || element.tagName === "INPUT";
    if (speaks && element.checkVisibility()) {
      const [a, b] = [luminance(rgb(style.color)), luminance(ground(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${element.outerHTML.slice(0, 80)}`);
    }
    if (style.animationName !== "none" || style.transitionDuration !== "0s") faults.push("something moves");
    if (element.id && document.querySelectorAll("#" + CSS.escape(element.id)).length > 1) faults.push(`two of #${element.id}`);
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) faults.push(`h${next} after h${level}`);
    level = next;
  }
  for (const [selector, count] of [["h1", 1], ["main", 1], ["header", 1], ["footer", 1], ["[role=search]", 1]])
    if (document.querySelectorAll(selector).length !== count) faults.push(`not ${count} of ${selector}`);
  for (const input of document.querySelectorAll("input:not([type=hidden])"))
    if (!input.labels.length) faults.push(`no label: ${input.outerHTML}`);
  for (const control of document.querySelectorAll("a, button, summary"))
    if (!control.textContent.trim()) faults.push(`no name: ${control.outerHTML}`);
  for (const th of document.querySelectorAll("th")) if (!th.scope) faults.push("th without scope");
  for (const table of document.querySelectorAll("table")) if (!table.caption) faults.push("table without caption");
  for (const part of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
    for (const id of [part.getAttribute("aria-labelledby"), part.getAttribute("aria-describedby")])
      if (id && !document.getElementById(id)) faults.push(`no #${id}`);
  if (document.documentElement.lang !== "en") faults.push("no language");
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`${root.scrollWidth - root.clientWidth} pixels too wide`);
  return faults;
}
"""
"""What a reader with another screen, eyes or none would stumble over."""


async def faults(visit: Visit) -> list[str]:
    """All faults of a page, on a wide and on a narrow screen, by day and by night."""
    found: list[str] = []
    for width in (1100, 320):
        await visit.page.set_viewport_size({"width": width, "height": 700})
        for scheme in ("light", "dark"):
            await visit.page.emulate_media(color_scheme=scheme)
            found += [f"{width} {scheme}: {one}" for one in await visit.page.evaluate(FAULTS)]
    return found


async def test_everybody_can_read_it(browser: Browser, served: str) -> None:
    async with visiting(browser, served) as visit:
        for path in PAGES:
            await visit.open(path)
            assert await faults(visit) == [], path


async def test_everybody_can_read_a_report(
    browser: Browser, triangle: Triangle, served_real: str, alice: LocalAccount
) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    async with visiting(browser, served_real) as visit:
        await visit.open()
        for text in (token, token[:-8] + "AAAAAAAA"):
            await visit.paste(text)
            assert await faults(visit) == []
        # On the narrow screen: a table stays one, also where its rows are stacked.
        tree = await visit.page.locator("main").aria_snapshot()
    assert '- columnheader "Outcome"' in tree
    assert '- rowheader "Signature"' in tree
