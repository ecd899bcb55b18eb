"""A page as a browser would take it apart, with the rules that hold for every page of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "br", "hr", "img", "input", "link"}
FETCHING = {"src", "srcset", "href", "xlink:href", "action", "data", "poster", "background", "cite", "ping"}


@dataclass
class Element:
    """One element with its place in the tree."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    children: list[Element] = field(default_factory=list)
    content: list[Element | str] = field(default_factory=list)
    """Elements and texts in order."""

    def text(self) -> str:
        """All text inside, single spaces between."""
        parts = [part if isinstance(part, str) else part.text() for part in self.content]
        return " ".join(" ".join(parts).split())

    def all(self, tag: str) -> list[Element]:
        """The elements of that tag inside, in document order."""
        found = []
        for child in self.children:
            found += [child] if child.tag == tag else []
            found += child.all(tag)
        return found

    def rows(self) -> list[list[str]]:
        """The cells of a table's body."""
        (body,) = self.all("tbody")
        return [[cell.text() for cell in row.children] for row in body.all("tr")]


class Page(HTMLParser):
    """The document's tree; a tag that is not closed where it should be is an error."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self._at = self.root
        self.feed(html)
        self.close()
        assert self._at is self.root, f"<{self._at.tag}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs}, self._at)
        self._at.children.append(element)
        self._at.content.append(element)
        if tag not in VOID:
            self._at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._at.tag == tag, f"</{tag}> closes <{self._at.tag}>"
        assert self._at.parent is not None
        self._at = self._at.parent

    def handle_data(self, data: str) -> None:
        self._at.content.append(data)

    def all(self, tag: str) -> list[Element]:
        """The elements of that tag, in document order."""
        return self.root.all(tag)

    def elements(self) -> list[Element]:
        """Every element."""
        found, waiting = [], [self.root]
        while waiting:
            element = waiting.pop()
            found.append(element)
            waiting += element.children
        return found

    def table(self, caption: str) -> Element:
        """The one table whose caption begins so."""
        (found,) = [table for table in self.all("table") if table.all("caption")[0].text().startswith(caption)]
        return found

    def section(self, heading: str) -> str:
        """The text of the section with that heading."""
        (found,) = [part for part in self.all("section") if part.all("h2")[0].text() == heading]
        return found.text()


def check_rules(html: str) -> Page:
    """The page, after checking what every page of ours must keep."""
    page = Page(html)
    elements = page.elements()
    assert html.startswith("<!DOCTYPE html>")
    assert page.all("html")[0].attributes["lang"] == "en"
    assert "http:" not in html
    assert "https:" not in html
    assert not {element.tag for element in elements} & {
        "script", "iframe", "object", "embed", "link", "base", "form", "img", "image", "foreignobject", "animate",
    }  # fmt: skip
    names = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(names) == len(set(names)), "an id is there twice"
    for element in elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            if name in FETCHING:
                assert value.startswith("#")
                assert value[1:] in names
            if name in ("aria-labelledby", "aria-describedby"):
                assert set(value.split()) <= set(names)
            for reference in re.findall(r"url\(([^)]*)\)", value):
                assert reference.strip("\"'").startswith("#")
                assert reference.strip("\"'")[1:] in names
    styles = "".join(element.text() for element in page.all("style"))
    assert "url(" not in styles
    assert "@import" not in styles
    policies = [m.attributes["content"] for m in page.all("meta") if m.attributes.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    _check_headings(page)
    _check_tables_and_pictures(page)
    return page


def _check_headings(page: Page) -> None:
    levels = [int(found) for found in re.findall(r"^h([1-6])$", "\n".join(_tags_in_order(page.root)), re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def _tags_in_order(element: Element) -> list[str]:
    return [tag for child in element.children for tag in (child.tag, *_tags_in_order(child))]


def _check_tables_and_pictures(page: Page) -> None:
    for table in page.all("table"):
        assert table.children[0].tag == "caption"
        assert table.children[0].text()
        assert {head.attributes.get("scope") for head in table.all("th")} <= {"row", "col"}
        columns = len(table.all("thead")[0].all("th"))
        assert {len(row.children) for row in table.all("tr")} == {columns}
    for svg in page.all("svg"):
        parent = svg.parent
        assert parent is not None
        if parent.attributes.get("aria-hidden") == "true":
            continue
        assert svg.attributes["role"] == "img"
        assert svg.children[0].tag == "title"
        assert svg.children[0].text()
        assert svg.children[1].tag == "desc"
        assert svg.children[1].text()
