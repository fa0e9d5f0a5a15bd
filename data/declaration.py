"""Read a declaration (TOML or csv); refuse what is wrong, naming file, key and the remedy."""

import csv
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

T = TypeVar("T", bound=BaseModel)


class DeclarationError(ValueError):
    """A site's declaration is wrong; the message names file, key and what would be right."""


class Declared(BaseModel):
    """Base of every declared thing: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_toml(path: Path) -> dict[str, Any]:
    """The file's content; DeclarationError where it is missing or no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DeclarationError(f"{path}：文件不存在") from None
    except UnicodeDecodeError as error:
        raise DeclarationError(f"{path}：不是 UTF-8 编码（第 {error.start} 字节）") from None
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"{path}：不是合法的 TOML：{error}") from None


def read_table(path: Path, required: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a declared csv (UTF-8, with or without BOM); [] where the file does not exist."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in required if name not in (reader.fieldnames or ())]
        if missing:
            need = "、".join(required)
            have = "、".join(reader.fieldnames or ()) or "（无）"
            raise DeclarationError(f"{path}：缺少列 {'、'.join(missing)}；应有 {need}，现有 {have}")
        return [_whole_row(path, reader.line_num, row) for row in reader]


def _whole_row(path: Path, line: int, row: dict) -> dict[str, str]:
    if None in row or None in row.values():
        raise DeclarationError(f"{path}：第 {line} 行的列数与表头不符")
    return {key: value.strip() for key, value in row.items()}


def validated(model: type[T], raw: dict[str, Any], path: Path) -> T:
    """`raw` as a `model`; DeclarationError listing every wrong key otherwise."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(model, item) for item in error.errors()]
        raise DeclarationError("\n".join(f"{path}：{problem}" for problem in problems)) from None


def _problem(model: type[BaseModel], item: Any) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"])
    where = where.lstrip(".") or "（整个文件）"
    match item["type"]:
        case "extra_forbidden":
            return f"{where}：没有这个键{_suggestion(model, item['loc'])}"
        case "missing":
            return f"{where}：缺少这个键{_meaning(model, item['loc'])}"
        case "value_error":
            return f"{where}：{item['ctx']['error']}"
        case "literal_error":
            return f"{where}：{item['input']!r} 不行；应为 {item['ctx']['expected']} 之一"
        case _:
            return f"{where}：{item['input']!r} 不行（{item['msg']}）{_meaning(model, item['loc'])}"


def _suggestion(model: type[BaseModel], loc: tuple) -> str:
    owner = _owner(model, loc)
    known = list(owner.model_fields) if owner else []
    close = get_close_matches(str(loc[-1]), known, n=1)
    return f"；是不是 {close[0]}？" if close else f"；可用的键：{'、'.join(known)}" if known else ""


def _meaning(model: type[BaseModel], loc: tuple) -> str:
    owner = _owner(model, loc)
    field = owner.model_fields.get(str(loc[-1])) if owner else None
    return f"；{field.description}" if field and field.description else ""


def _owner(model: type[BaseModel], loc: tuple) -> type[BaseModel] | None:
    """The declared model that holds the last key of `loc`."""
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        found = _models_in(field.annotation)
        if not found:
            return None
        model = found
    return model


def _models_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _models_in(inner)
        if found:
            return found
    return None
