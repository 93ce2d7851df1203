"""Mappings: what they may say, how they fail, the expression language, and proposals."""

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from extracts import CUSTOMERS_ZH, MAPPINGS, read, shared, write

from cvm.core.checks import ArgumentError, CvmError
from cvm.data import propose_mapping
from cvm.data.convert import READ, UNREADABLE
from cvm.data.expressions import check_expression, compile_expression
from cvm.data.headers import guess_table, match_headers, unit_factor
from cvm.data.mapping import load_mapping, parse_mapping
from cvm.data.tables import CONTRACT

CONNECTION = ibis.duckdb.connect()


def evaluate(expression, **columns):
    """Evaluate an expression over columns of text and return (value, mark) of each row."""
    columns = {name: [columns[name]] for name in columns} or {"x": ["1"]}
    CONNECTION.con.register("given", pa.table({"_row": [1], **columns}))
    CONNECTION.con.execute("CREATE OR REPLACE TABLE raw AS SELECT * FROM given")
    compiled = compile_expression(expression, CONNECTION.table("raw"), subject="test")
    query = ibis.to_sql(CONNECTION.table("raw").select(v=compiled.value, m=compiled.mark))
    return CONNECTION.con.execute(query).fetchall()[0]


@pytest.mark.parametrize(
    ("expression", "columns", "expected"),
    [
        ("a + b * 2", {"a": "1", "b": "3"}, 7),
        ("(a + b) * 2", {"a": "1", "b": "3"}, 8),
        ("a / b", {"a": "1,000", "b": "¥8"}, 125),
        ("-a", {"a": "(5)"}, 5),
        ("a - 0.5", {"a": "２"}, 1.5),
        ("`Call  Failure` * 60", {"Call Failure": "2"}, 120),
        ("`call failure`", {"Call Failure": "2"}, "2"),
        ("`x` if `x` > 3 else 0", {"x": "5"}, 5),
        ("1 if plan == '全球通' else 0", {"plan": " 全球通 "}, 1),
        ("1 if plan != '全球通' else 0", {"plan": "神州行"}, 1),
        ("a if a > 0 and b > 0 else -1", {"a": "1", "b": "0"}, -1),
        ("a if not (a < 0 or b < 0) else -1", {"a": "1", "b": "0"}, 1),
        ("'A' if 金额 >= 100 else 'B' if 金额 >= 50 else 'C'", {"金额": "60元"}, "B"),
        ("市 + '-' + 号", {"市": "01", "号": "007"}, "01-007"),
        ("row", {}, 1),
        ("row * 10", {}, 10),
        ("a * 2 if a > 0 else None", {"a": "-1"}, None),
        ("'`not a name`'", {}, "`not a name`"),
        ("a == 'x'", {"a": "x"}, True),
    ],
)
def test_expressions(expression, columns, expected):
    assert evaluate(expression, **columns) == (expected, READ)


def test_an_operand_that_is_no_number_is_marked():
    assert evaluate("a * 2", a="abc") == (None, UNREADABLE)


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "a.b",
        "a[0]",
        "[a]",
        "lambda: 1",
        "f'{a}'",
        "a ** 9",
        "a % 2",
        "a // 2",
        "a & b",
        "1 < a < 2",
        "(a := 1)",
        "a in (1, 2)",
        "{a}",
        "max(a, b)",
        "b'x'",
        "1j",
        "...",
        "a b",
        "",
        "`a",
        "a; b",
        "(" * 300 + "a" + ")" * 300,
    ],
)
def test_everything_else_is_refused(expression):
    with pytest.raises(ArgumentError, match=r"must be an expression"):
        check_expression(expression, "months.columns.bill_yuan")


def test_an_unknown_name_lists_the_columns():
    with pytest.raises(ArgumentError, match=r"test == 'wrong'.*available: 金额") as raised:
        evaluate("wrong * 2", 金额="1")
    assert raised.value.available == ["金额"]


EVERYTHING = """
title = "everything"

[customers]
file = "extract.csv"
encoding = "gb18030"
delimiter = ";"
decimal = ","
skip_rows = 1
duplicates = "set_aside"
keep = ["客户经理", "等级"]

[customers.columns]
customer_id = "地市 + '-' + 编号"
brand = { constant = "gotone" }
tenure_months = "`在网年数(年)` * 12"
churned = { column = "状态", values = { "在网" = false, "离网" = true } }
last_bill_yuan = "月账单"
"""


def test_a_mapping_that_says_everything(tmp_path):
    extract = (
        "某省客户清单;;;;;;\n地市;编号;在网年数(年);状态;月账单;客户经理;等级\n"
        "01;1;2;在网;1.234,5;王;1\n01;2;0,5;离网;8;李;2\n01;2;0,5;离网;8;李;2\n"
    )
    write(tmp_path / "extract.csv", extract, "gb18030")
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(EVERYTHING, encoding="utf-8")

    frame = read(mapping, tmp_path)

    expected = pd.DataFrame(
        {
            "customer_id": ["01-1", "01-2"],
            "brand": ["gotone", "gotone"],
            "tenure_months": [24, 6],
            "last_bill_yuan": [1234.5, 8.0],
            "churned": [False, True],
            "attr_客户经理": ["王", "李"],
            "attr_等级": [1, 2],
        }
    )
    pd.testing.assert_frame_equal(frame, expected)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[customer]\n", "line 1: customer == 'customer'.*available: customers, months"),
        ("[customers]\nfiel = 'a'", "line 2: customers.fiel.*available: file, table"),
        ("[customers.columns]\n\nid = 'a'", "line 3: customers.columns.id.*a column of customers"),
        ("[customers]\ndecimal = ';'", "line 2: customers.decimal == ';'.*available: '.', ','"),
        ("[customers]\nduplicates = 'drop'", "available: 'keep', 'set_aside'"),
        ("[customers]\nkeep = 'a'", "customers.keep == 'a', must be a list of headers"),
        ("[customers]\nskip_rows = -1", "customers.skip_rows == -1"),
        ("[customers]\ndelimiter = ', '", "must be one character"),
        ("[customers.columns]\nbrand = 3", "line 2: customers.columns.brand == 3"),
        ("[customers.columns]\nbrand = { constant = 'a', column = 'b' }", "column and constant"),
        ("[customers.columns]\nbrand = { colum = 'b' }", "brand.colum.*available: column"),
        ("[customers.columns]\nbrand = { column = 'b', values = { a = [1] } }", "brand.values"),
        ("[customers.columns]\nbrand = { expression = 'f(x)' }", "without Call"),
        ("[customers]\na = = 1", "at line 2, column 5"),
        ("title = 'nothing'", "at least one table of the contract"),
        ("title = 3\n[customers]", "line 1: title == 3"),
    ],
)
def test_a_faulty_mapping_names_the_line_and_what_there_is(text, says):
    with pytest.raises(ArgumentError, match=says):
        parse_mapping(text, subject="m.toml")


def test_the_right_line_among_tables_of_the_same_keys():
    text = "[customers]\nfile = 'a'\n[months]\nfile = 'b'\nencoding = 7\n"
    with pytest.raises(ArgumentError, match="m.toml line 5: months.encoding == 7"):
        parse_mapping(text, subject="m.toml")


def test_a_mapped_header_that_does_not_exist_lists_those_that_do(tmp_path):
    path = write(tmp_path / "a.csv", CUSTOMERS_ZH)
    mapping = parse_mapping('[customers.columns]\ncustomer_id = "用户ID"')
    with pytest.raises(ArgumentError, match=r"customer_id == '用户ID'.*available: 用户编号, 入网"):
        read(path, tmp_path, mapping=mapping)


def test_a_header_to_keep_that_does_not_exist(tmp_path):
    path = write(tmp_path / "a.csv", CUSTOMERS_ZH)
    mapping = parse_mapping(
        '[customers]\nkeep = ["等级"]\n[customers.columns]\ncustomer_id = "row"'
    )
    with pytest.raises(CvmError, match=r"customers.keep == '等级'.*available: 用户编号"):
        read(path, tmp_path, mapping=mapping)


def test_a_missing_mapping_file(tmp_path):
    with pytest.raises(ArgumentError, match=r"mapping == .*cvm map FILE"):
        load_mapping(tmp_path / "no.toml")


def test_kept_columns_are_read_as_what_they_are(tmp_path):
    text = 'id,n,share,code,yes,word\n1,1,0.5,007,Yes,a\n2,"2,000",1,008,No,b\n3,,2,009,,c\n'
    path = write(tmp_path / "a.csv", text)
    mapping = parse_mapping(
        '[customers]\nkeep = ["n", "share", "code", "yes", "word"]\n'
        '[customers.columns]\ncustomer_id = "id"'
    )
    frame = read(path, tmp_path, mapping=mapping)

    assert frame["attr_n"].tolist()[:2] == [1, 2000]
    assert frame["attr_share"].tolist() == [0.5, 1.0, 2.0]
    assert frame["attr_code"].tolist() == ["007", "008", "009"]
    assert frame["attr_yes"].tolist()[:2] == [True, False]
    assert frame["attr_word"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("name", CONTRACT)
def test_every_name_of_the_contract_is_recognised(name):
    table = CONTRACT[name]
    for names in (
        {column.name: column.name for column in table.columns},
        {column.name: column.zh for column in table.columns},
    ):
        found = match_headers(names.values(), table)
        assert {column: match.header for column, match in found.items()} == names
        guessed, _ = guess_table(names.values())
        assert guessed == name


@pytest.mark.parametrize(
    ("table", "column", "unit", "factor"),
    [
        ("months", "bill_yuan", "元", 1),
        ("months", "bill_yuan", "万元", 10_000),
        ("months", "bill_yuan", "分", 0.01),
        ("months", "bill_yuan", "美元", None),
        ("months", "data_gb", "MB", 1 / 1024),
        ("months", "voice_minutes", "秒", 1 / 60),
        ("months", "voice_minutes", "小时", 60),
        ("months", "off_net_share", "%", 0.01),
        ("months", "complaints", "次", 1),
        ("months", "points_balance", "分", 1),
        ("customers", "tenure_months", "年", 12),
        ("customers", "tariff", "当月", 1),
    ],
)
def test_units_in_headers(table, column, unit, factor):
    assert unit_factor(unit, CONTRACT[table][column]) == factor


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_proposal_is_a_mapping_that_works(encoding, tmp_path):
    text = (
        "客户标识号,用户编号,帐期,出账金额(万元),上网流量(MB),通话分钟,备注信息,客户流失概率\n"
        "a,1,2026-01,0.01,2048,30,x,0.9\nb,2,2026-02,0.02,1024,40,y,0.1\n"
    )
    path = write(tmp_path / "in" / "明细.csv", text, encoding)
    proposal = propose_mapping(path)

    assert "[months]" in proposal
    assert 'bill_yuan = "`出账金额(万元)` * 10000.0"' in proposal
    assert "GUESS by likeness" in proposal
    assert "备注信息" in proposal.split("[months.columns]")[0]
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(proposal, encoding="utf-8")
    frame = read(mapping, tmp_path, table="months")
    assert frame["customer_id"].tolist() == ["1", "2"]
    assert frame["bill_yuan"].tolist() == [100.0, 200.0]
    assert frame["data_gb"].tolist() == [2.0, 1.0]
    assert frame["voice_minutes"].tolist() == [30.0, 40.0]


def test_a_proposal_tells_what_is_required_and_missing(tmp_path):
    path = write(tmp_path / "a.csv", "网龄,年龄,是否离网\n12,30,是\n")
    assert '# REQUIRED and not found: customer_id = "row"' in propose_mapping(path)


def test_a_proposal_for_a_folder_names_each_table_once(tmp_path):
    write(tmp_path / "a.csv", CUSTOMERS_ZH)
    write(tmp_path / "b.csv", CUSTOMERS_ZH)
    write(tmp_path / "months.csv", "customer_id,month,bill_yuan\n1,202601,5\n")
    proposal = propose_mapping(tmp_path)

    assert {table.table for table in parse_mapping(proposal).tables} == {"customers", "months"}
    assert "# A second file looks like customers" in proposal


def test_a_vendors_churn_score_is_never_proposed(tmp_path):
    header = "CustomerID,Tenure Months,Churn Value,Churn Score,CLTV,Satisfaction Score\n"
    proposal = propose_mapping(write(tmp_path / "a.csv", header + "1,2,0,88,5000,3\n"))

    mapping = parse_mapping(proposal).tables[0]
    used = [*mapping.keep, *(rule.source for rule in mapping.columns.values())]
    assert not {"Churn Score", "CLTV", "Satisfaction Score"} & set(used)
    assert "Left out" in proposal


@pytest.mark.parametrize("name", ["ibm_telco_churn", "iranian_churn"])
def test_proposals_find_what_the_shipped_mappings_say(name):
    shipped = load_mapping(MAPPINGS / f"{name}.toml").tables[0].columns
    proposed = parse_mapping(propose_mapping(shared(f"{name}.csv"))).tables[0].columns

    agree = {
        column
        for column, rule in proposed.items()
        if " ".join(str(shipped[column].source).split()) == rule.source
    }
    assert set(proposed) - agree == set()
    assert set(shipped) - agree <= {"customer_id", "payment"}
