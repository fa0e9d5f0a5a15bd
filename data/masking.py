"""Masking 脱敏: what of people is shown to who may not see it, pure functions on texts.

Of a name the surname stays, of a phone 3+4 digits, of an identity number 3+2, of an address the
community or village (patterns of TRUST 2 and 3c; GB/T 35273 asks for de-identified display). The
same value is covered in the same way in a field and in free text, so that two views of it never add
up to more. Of children and victims nothing stays. All functions are idempotent: what they leave
is left by them.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from itertools import pairwise

STAR = "＊"
COVERED = STAR * 3
ADULT = 18  # 未成年人保护法 第二条
# What may be asked for in clear, one value at a time; `N` stands for the number of a party or step.
FIELDS = {
    "title": "标题",
    "summary": "内容",
    "place_text": "地点",
    "extra": "其他栏目",
    "steps.N.note": "流转说明",
    "parties.N.name": "姓名",
    "parties.N.phone": "联系电话",
    "parties.N.id_number": "证件号码",
    "parties.N.address": "住址",
}
COMPOUND_SURNAMES = frozenset(
    re.findall(
        "..",
        "欧阳太史端木上官司马东方独孤南宫万俟闻人夏侯诸葛尉迟公羊赫连澹台皇甫宗政濮阳公冶太叔"
        "申屠公孙慕容仲孙钟离长孙宇文司徒鲜于司空闾丘子车亓官司寇巫马公西颛孙壤驷公良漆雕乐正"
        "宰父谷梁拓跋夹谷轩辕令狐段干百里呼延东郭南门羊舌微生梁丘左丘东门西门南荣",
    )
)


def _plain_signs() -> dict[int, str]:
    """One sign for one sign: every script's digits, circled and Chinese ones, full-width Latin
    letters and signs, blanks and dashes of every kind, as the patterns below know them; any other
    mark or symbol is a bar."""
    signs: dict[int, str] = {}
    for code in range(0x80, 0x20000):
        sign = chr(code)
        digit, kind = unicodedata.digit(sign, None), unicodedata.category(sign)
        if digit is not None:
            signs[code] = str(digit)
        elif kind in ("Zs", "Cf", "Zl", "Zp"):
            signs[code] = " "
        elif kind == "Pd" or sign == "−":
            signs[code] = "-"
        elif len(same := unicodedata.normalize("NFKC", sign)) == 1 and same.isascii():
            signs[code] = same
        elif kind[0] in "PSMC":
            signs[code] = "|"
    numerals = ("〇零○", "一壹幺", "二贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
    chinese = {ord(c): str(n) for n, all_of_it in enumerate(numerals) for c in all_of_it}
    signs |= chinese | dict.fromkeys(map(ord, "·•。"), ".") | {ord("×"): "X"}
    return signs | {ord("【"): "[", ord("】"): "]"}


PLAIN = _plain_signs()
ANY = r"[\x00- !-)+-/:-@\[-`{-\x7fx]"  # a sign that is no letter, digit or star, or an x
GAP = rf"(?:{ANY}{{0,4}}(?:[*]{{1,3}}{ANY}{{0,4}})?)"  # between the digits of one number
BREAK = rf"(?:{ANY}{{1,4}}|[*]{{1,3}})"  # between its groups
CLOSE = (
    r"[\x00- !-)+./<-@\[-`{}~*-]{0,3}"  # as GAP, but nothing that parts one number from the next
)
TENS = "十百千廿卅"
NUMERAL = rf"[\d{TENS}]"  # of a house; what is one sign each is a digit in the plain form
HOUSE = r"(?:号楼|号院|号|栋|幢|座|单元|弄|室)"
CLOCK = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:[.]\d{1,6})?)?"
DAY = r"20\d\d(?P<part>[-/.])(?:0?[1-9]|1[0-2])(?P=part)(?:0?[1-9]|[12]\d|3[01])(?!\d)"
AMOUNT = r"\d{1,3}(?:,\d{3}){2,5}(?:[.]\d{1,4})?[ ]?[元万亿块美欧港人户件次吨斤米平亩]"
POINT = r"\d{1,3}[.]\d{4,15}[ ,;|]{1,2}-?\d{1,3}[.]\d{4,15}(?!\d)"
# In the order in which they are tried at a place; every repetition is bounded.
NUMBERS = re.compile(
    rf"""
    (?P<email>[\w.+%-]{{1,64}}@(?=[\d.-]{{0,80}}[A-Z])[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,5}})
    |(?P<plate>[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][ ]{{0,2}}[A-Z]
        [ .-]{{0,3}}[A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9挂学警港澳])(?![A-Z0-9])
    |(?<!\d)(?P<identity>(?:\d{GAP}){{6}}(?:1{GAP}[89]|2{GAP}0){GAP}\d{GAP}\d{GAP}
        (?:0{GAP}[1-9]|1{GAP}[0-2]){GAP}[0-3]{GAP}\d{GAP}(?:\d{GAP}){{3}}[\dX])(?!\d)
    |(?P<run>\d{{11,}}X?)
    |(?<!\d)(?!{AMOUNT}|{POINT})(?:(?:0{GAP}0{GAP}|[+]{GAP})?8{GAP}6{GAP}|0{GAP})?
        (?P<mobile>1{GAP}[3-9](?:{GAP}\d){{9}})(?!\d)
    |(?<!\d)(?P<landline>[(]?0\d{{2,3}}{GAP}[2-9]\d{{2,3}}{BREAK}?\d{{4}})(?!\d)
    |(?<!\d)(?P<card>(?:[3-6]\d{{3}}(?:{BREAK}\d{{4}}){{3}}|\d{{4}}(?:[ -]{{1,3}}\d{{4}}){{3}})
        (?:[ -]{{1,3}}\d{{1,4}})?)(?!\d)
    |(?<=[话机系信Q真证照])(?:件)?(?:号码?|方式)?[ :为是,]{{0,4}}
        (?P<told>[A-Z]{{0,2}}\d(?:{CLOSE}\d){{6,30}}X?)
    |(?<=[路街巷弄道村区园组屯苑])
        (?P<house>[ ]?{NUMERAL}{{1,7}}[甲乙丙丁A-Z]?(?:[ -]{NUMERAL}{{1,7}}){{0,3}}{HOUSE}
            (?:[ -]?[\d{TENS}A-Z]{{1,7}}{HOUSE}){{0,5}}(?:[ -]?\d{{3,4}}(?!\d))?
        |[ ]?\d{{1,3}}(?:-\d{{1,4}}){{1,3}}(?!\d))
    |(?<![月\d{TENS}])(?P<flat>{NUMERAL}{{1,7}}(?:号楼|号院|号|栋|幢|座|弄)
        (?:[ -]?[\d{TENS}A-Z]{{1,7}}(?:号楼|号院|栋|幢|座|单元|弄|室)){{1,5}}
        (?:[ -]?\d{{3,4}}(?!\d))?)
    |(?<!\d)(?<!\d[.,])(?P<plain>{DAY}(?:[ T]{{1,2}}{CLOCK}(?![:.]?\d))?|{AMOUNT}|{POINT})
    """,
    re.X | re.I | re.A,
)
PHONE = re.compile(r"1[3-9]\d{9}|0\d{9,11}")
MOBILE = re.compile(rf"(?<!\d)1{GAP}[3-9](?:{GAP}\d){{9}}(?!\d)", re.A | re.I)
LONGEST_MOBILE = 150  # characters
MAY_HOLD_ONE = re.compile(rf"[\d@{TENS}]", re.A)
ITEM = re.compile(rf"(?P<clock>{CLOCK})|(?P<decimal>\d{{1,2}}[.]\d{{1,2}})|20\d\d|[1-9]\d?", re.A)
PARTED = re.compile(r"[ ,;|/~-]+")
BETWEEN = r"[ .,\-*xX|某]{0,3}"  # of the parts of a name, in its plain form
STARRED = r"[ .]{0,2}[*xX某]{1,3}[ .]{0,2}"  # in place of a part of a name
LISTED = re.compile(r"[,;/|]")  # between several names in one field
ASIDE = re.compile(r"[(\[].*?[)\]]")  # 张三（男）
MOST_PASSES = 12  # a text that people wrote needs two, seldom three
SHORTEST = 5  # signs of a number, or characters of an address, that are searched for in free text
COMMUNITY = re.compile(r"^.*?(?:社区|居委会|村委会|小区|村)(?!民?小?组)", re.S)
DISTRICT = re.compile(r"^\D*?(?:街道|镇|乡|县|区|市)", re.S)


def name(text: str) -> str:
    """张三丰 -> 张＊＊; of a compound surname both characters stay, of one character nothing."""
    text = text.strip()
    known = _surname(text)
    return known + STAR * max(len(text) - len(known), 0) if known else STAR * len(text)


def phone(text: str) -> str:
    """13800001234 -> 138＊＊＊＊1234; of a number of less than eleven digits the last two stay."""
    return _ends(text, 3, 4)


def id_number(text: str) -> str:
    """The first three signs and the last two; of a number of less than eleven the last two."""
    return _ends(text, 3, 2)


def address(text: str) -> str:
    """As far as the community or village 社区、村、小区; without one as far as the street office,
    the town or what lies above; without any nothing."""
    text = text.strip()
    found = COMMUNITY.match(text) or DISTRICT.match(text)
    if found is None:
        return COVERED if text else text
    kept = found[0]
    return kept if kept == text else kept + COVERED


def text(
    text: str,
    names: Iterable[str | None] = (),
    hidden: Iterable[str | None] = (),
    numbers: Iterable[str | None] = (),
    addresses: Iterable[str | None] = (),
) -> str:
    """Free text without numbers that identify people, and without what is known of these people.

    `names` keep their surname, `hidden` (children, victims) do not; `numbers` are their phones and
    identity numbers, `addresses` where they live. Found without being told: identity numbers,
    mobile and landline phones, bank cards, plates, e-mail, house numbers; of every script's digits,
    with any signs between. On purpose, any unbroken run of eleven digits is taken for one of them,
    and what can be read as a mobile phone in whatever groups. Left alone are amounts in groups of
    three with their unit, coordinates of four decimals and more, days of this century, and lists of
    clock times, of decimals, or of rising numbers below a hundred.
    """
    people = _people(*(tuple(filter(None, values)) for values in (names, hidden, numbers)))
    places = {one: address(one) for one in filter(None, addresses) if len(one) >= SHORTEST}
    for _ in range(MOST_PASSES):  # what one cover leaves may stand beside what is another's
        before = text
        for place, shown in places.items():
            text = text.replace(place, shown)
        text = _replaced(text, people) if people else text
        text = _replaced(text, NUMBERS)
        if text == before:
            return text
    return COVERED  # nobody writes such a text in good faith


def is_minor(id_number: str | None, on: date) -> bool:
    """Whether an identity number of 18 or 15 digits says that its holder was under 18 on a day."""
    digits = "".join(c for c in (id_number or "").translate(PLAIN) if c in "0123456789xX")
    birth = digits[6:14] if len(digits) == 18 else f"19{digits[6:12]}" if len(digits) == 15 else ""
    try:
        born = date(int(birth[:4]), int(birth[4:6]), int(birth[6:8]))
    except ValueError:
        return False
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day)) < ADULT


def _surname(text: str) -> str:
    if len(text) > 2 and text[:2] in COMPOUND_SURNAMES:
        return text[:2]
    return text[:1] if len(text) > 1 else ""


def _ends(text: str, head: int, tail: int) -> str:
    """The first and last signs of a number; stars of a former covering count as signs of it."""
    signs = [c for c in text if c.isalnum() or c in (STAR, "*")]
    count = len(signs)
    if count < 11:
        head, tail = 0, 2 if count > 6 else 0
    return "".join(signs[:head]) + STAR * (count - head - tail) + "".join(signs[count - tail :])


def _replaced(text: str, pattern: re.Pattern[str]) -> str:
    """`text` with a cover over whatever the pattern finds in its plain form, sign for sign."""
    plain = text.translate(PLAIN)
    if pattern is NUMBERS and not MAY_HOLD_ONE.search(plain):
        return text
    parts, at, place = [], 0, 0
    while found := pattern.search(plain, place):
        kind = found.lastgroup or ""
        start, end = found.span(kind)
        if kind == "mobile":
            if _is_list(plain[start:end]):
                place = start + 1
                continue
            end = _end_of_all(plain, start, end)
        parts += [text[at:start], _cover(kind, plain[start:end], text[start:end])]
        at = place = end
    return "".join([*parts, text[at:]]) if parts else text


def _end_of_all(plain: str, start: int, end: int) -> int:
    """Where the last of the mobile numbers ends that may be read here, each from within the one
    before: nobody knows which of them is meant."""
    while later := MOBILE.search(plain, start + 1, end + LONGEST_MOBILE):
        if later.start() >= end or later.end() <= end or _is_list(later[0]):
            break
        start, end = later.span()
    return end


def _is_list(plain: str) -> bool:
    """Whether eleven digits are a list of clock times, of decimals, or of numbers that rise."""
    items = [ITEM.fullmatch(part) for part in PARTED.split(plain)]
    if not all(items):
        return False
    kinds = [item.lastgroup for item in items if item]
    if "clock" in kinds or kinds.count("decimal") > 1:
        return True
    counted = [int(item[0]) for item in items if item and item.lastgroup is None]
    return len(counted) == len(items) and all(a < b for a, b in pairwise(counted))


def _cover(kind: str, plain: str, whole: str) -> str:
    """What takes the place of `whole`, found as one of the groups of NUMBERS or of `_people`."""
    match kind:
        case "hidden":
            return COVERED
        case "named":
            return name("".join(c for c in whole if c.isalpha() or c.isdigit()))
        case "given":
            return STAR * len(whole)
        case "email":
            return COVERED + whole[plain.index("@") :]
        case "plate":
            letter = re.search("[A-Z]", plain, re.I)
            return whole[: letter.end() if letter else 1] + STAR * 5
        case "mobile" | "landline":
            return phone(whole)
        case "told" if sum(c.isalnum() for c in plain) < 13:
            return phone(whole)
        case "run" | "number" if PHONE.fullmatch("".join(filter(str.isdigit, plain))):
            return phone(whole)
        case "house" | "flat":
            kept = zip(plain, whole, strict=True)
            return "".join(c if p > "\x7f" and p not in TENS else STAR for p, c in kept)
        case "plain":
            return whole
    return id_number(whole)


@lru_cache(4096)
def _people(
    names: tuple[str, ...], hidden: tuple[str, ...], numbers: tuple[str, ...]
) -> re.Pattern[str] | None:
    """Finds what is known of people in a plain text; None where nothing is known."""
    groups = {
        "hidden": [form for one in hidden for forms in _forms(one) for form in forms],
        "named": [form for one in names for form in _forms(one)[0]],
        "given": [form for one in names for form in _forms(one)[1]],
        "number": [form for one in numbers for form in _number_forms(one)],
    }
    told = {key: sorted(set(forms), key=lambda f: (-len(f), f)) for key, forms in groups.items()}
    found = [f"(?P<{key}>{'|'.join(forms)})" for key, forms in told.items() if forms]
    return re.compile("|".join(found), re.I) if found else None


def _forms(known: str) -> tuple[list[str], list[str]]:
    """Patterns of what stands in the field of a name: with the surname (with blanks, dots or stars
    in between, or in place of its middle), and the given name alone."""
    plain = ASIDE.sub("", known.translate(PLAIN))
    parts = [part for one in LISTED.split(plain) for part in (one, *one.split())]
    solid = {"".join(c for c in part if c.isalnum()) for part in parts}
    named, given = [], []
    for one in solid:
        last = one[len(_surname(one)) :]
        if not last or len(one) < 2:
            continue
        named.append(BETWEEN.join(map(re.escape, one)))
        if len(last) > 1 and not one.isascii():
            given.append(BETWEEN.join(map(re.escape, last)))
            named.append(f"{re.escape(_surname(one))}{STARRED}{re.escape(last[-1])}")
    return named, given


def _number_forms(known: str) -> list[str]:
    signs = [c for c in known.translate(PLAIN) if c.isalnum()]
    return [GAP.join(map(re.escape, signs))] if len(signs) >= SHORTEST else []
