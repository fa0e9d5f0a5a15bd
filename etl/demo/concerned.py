"""当事人登记: the lists of those concerned by disputes, as the systems that keep them hand them
over."""

from etl.demo import people
from etl.demo.aftercare import SYSTEMS
from etl.demo.deliver import Columns, Writer, delimited
from etl.demo.simulate import Cases

PARTIES = delimited("登记编号 业务系统 事项编号 序号 角色 姓名 联系电话 证件号码 住址 未成年")


def party_rows(writer: Writer, cases: Cases) -> Columns:
    """The columns of the parties of those among the cases that have any."""
    cases = cases[people.has_parties(writer.world, cases)]
    which, seat, who = (values.tolist() for values in people.seats(cases))
    keys, address = writer.keys(cases[which]), writer.words.address
    return [
        [f"DS{key}-{n + 1}" for key, n in zip(keys, seat, strict=True)],
        [SYSTEMS[channel] for channel in cases["channel"][which].tolist()],
        keys,
        [n + 1 for n in seat],
        [people.ROLES[n] for n in seat],
        [people.name(n) for n in who],
        [people.phone(n) for n in who],
        [people.id_number(n) for n in who],
        [address[n * 7919 % len(address)] for n in who],
        ["是" if people.is_child(n) else "否" for n in who],
    ]
