"""Elements of SVG as text, every value in them escaped."""

from __future__ import annotations

from html import escape


class Svg(str):
    """Markup that is safe as it is: a page takes it over without escaping it again."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def element(name: str, *children: Svg, text: str = "", **attributes: str | float) -> Svg:
    """An element. ``class_`` is the attribute ``class``; dashes of names are written as underscores."""
    told = "".join(f' {_name(key)}="{_value(value)}"' for key, value in attributes.items())
    inner = escape(text) + "".join(children)
    return Svg(f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told}/>")


def stretched(width: float, height: float, *children: Svg, label: str) -> Svg:
    """A picture that fills its place, whatever its proportions; ``label`` tells it to those who do not see
    it."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {number(width)} {number(height)}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def number(value: float) -> str:
    """To a hundredth, without zeros at its end."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def _value(value: str | float) -> str:
    return escape(value, quote=True) if isinstance(value, str) else number(value)


def _name(key: str) -> str:
    # viewBox and preserveAspectRatio are written as they are
    return key.rstrip("_").replace("_", "-")
