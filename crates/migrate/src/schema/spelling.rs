//! Unifies expressions that PostgreSQL writes in two ways: its own text, parsed again, may come out differently.
//!
//! `s in ('a', 'b')` on a `varchar` is stored as a list whose whole is cast, `(ARRAY['a', 'b'])::text[]`; the same text read
//! again is one of casts, `ARRAY[('a')::text, ('b')::text]`. And `a and (b and c)` loses its inner parentheses. A schema that
//! was dumped and restored, or whose column was given another length, is no other schema for that.

use std::collections::BTreeMap;

use serde_json::Value;

/// The properties that are texts written by PostgreSQL.
const WRITTEN_BY_THE_SERVER: &[&str] =
    &["definition", "default", "generated", "using", "check", "columns", "partitioned", "partition"];

/// Enum labels stay unchanged.
const VERBATIM: &str = "values";

/// Unifies the properties of an object. Line ends do not count, as in a file.
pub(crate) fn unify(properties: &mut BTreeMap<String, Value>) {
    for (name, value) in properties.iter_mut().filter(|(name, _)| *name != VERBATIM) {
        let by_server = WRITTEN_BY_THE_SERVER.contains(&name.as_str());
        each_text(value, &|text| {
            if text.contains('\r') {
                *text = text.replace("\r\n", "\n");
            }
            if by_server
                && (text.contains("(ARRAY[")
                    || text.contains(" AND (")
                    || text.contains(" OR (")
                    || text.contains("(("))
            {
                *text = spelled(text);
            }
        });
    }
}

fn each_text(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(list) => list.iter_mut().for_each(|one| each_text(one, change)),
        _ => {}
    }
}

/// A piece of SQL: a token, or a group in parentheses or brackets.
#[derive(Debug, Clone, PartialEq)]
enum SqlNode<'a> {
    Token(&'a str),
    Group(char, Vec<Self>),
}

fn spelled(text: &str) -> String {
    let Some(nodes) = read(text) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    write(&mut out, &unified(nodes));
    out
}

/// The tree of parentheses and brackets; `None` if they do not match.
fn read(text: &str) -> Option<Vec<SqlNode<'_>>> {
    let mut open: Vec<(char, Vec<SqlNode<'_>>)> = Vec::new();
    let mut nodes = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let length = token(&text[at..], first);
        let piece = &text[at..at + length];
        at += length;
        match first {
            '(' | '[' => open.push((first, std::mem::take(&mut nodes))),
            ')' | ']' => {
                let (opened, outer) = open.pop()?;
                if (opened == '(') != (first == ')') {
                    return None;
                }
                let inner = std::mem::replace(&mut nodes, outer);
                nodes.push(SqlNode::Group(opened, inner));
            }
            _ => nodes.push(SqlNode::Token(piece)),
        }
    }
    open.is_empty().then_some(nodes)
}

/// The length of the token at the beginning: a word, white space, something in quotes, or a character.
fn token(rest: &str, first: char) -> usize {
    let run = |is: fn(char) -> bool| rest.find(|char| !is(char)).unwrap_or(rest.len());
    match first {
        '\'' => quoted(rest, 0, '\''),
        '"' => quoted(rest, 0, '"'),
        'E' if rest.starts_with("E'") => quoted(rest, 1, '\''),
        '$' => dollar(rest).unwrap_or(1),
        _ if is_word(first) => run(is_word),
        _ if first.is_whitespace() => run(char::is_whitespace),
        _ => first.len_utf8(),
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The end of a quoted text after a prefix. With a prefix, backslashes escape.
fn quoted(rest: &str, prefix: usize, quote: char) -> usize {
    let mut chars = rest.char_indices().skip(prefix + 1).peekable();
    while let Some((at, char)) = chars.next() {
        if char == '\\' && prefix > 0 {
            chars.next();
        } else if char == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return at + 1;
            }
        }
    }
    rest.len()
}

/// The length of a dollar-quoted text, such as a function body.
fn dollar(rest: &str) -> Option<usize> {
    let end = rest[1..].find(|char| !is_word(char)).map(|at| at + 1).filter(|at| rest[*at..].starts_with('$'))?;
    let tag = &rest[..=end];
    rest[tag.len()..].find(tag).map(|at| at + 2 * tag.len())
}

fn write(out: &mut String, nodes: &[SqlNode<'_>]) {
    for node in nodes {
        match node {
            SqlNode::Token(text) => out.push_str(text),
            SqlNode::Group(open, inner) => {
                out.push(*open);
                write(out, inner);
                out.push(if *open == '(' { ')' } else { ']' });
            }
        }
    }
}

fn unified(nodes: Vec<SqlNode<'_>>) -> Vec<SqlNode<'_>> {
    let mut inner: Vec<SqlNode<'_>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        inner.push(match node {
            SqlNode::Group(open, list) => SqlNode::Group(open, unified(list)),
            token @ SqlNode::Token(_) => token,
        });
    }
    let nodes = casts_of_members(inner);
    one_list_of(one_list_of(nodes, "AND"), "OR")
}

/// Turns `(ARRAY[a, b])::t[]` into `ARRAY[(a)::t, (b)::t]`.
fn casts_of_members(nodes: Vec<SqlNode<'_>>) -> Vec<SqlNode<'_>> {
    let mut out = Vec::with_capacity(nodes.len());
    let mut at = 0;
    while let Some(node) = nodes.get(at) {
        at += 1;
        let cast = members(node).and_then(|list| Some((list, cast_to_array(&nodes[at..])?)));
        if let Some((list, (data_type, length))) = cast {
            out.extend(array_of(list, data_type));
            at += length;
        } else {
            out.push(node.clone());
        }
    }
    out
}

/// The elements of `(ARRAY[…])`.
fn members<'a, 'b>(node: &'b SqlNode<'a>) -> Option<&'b [SqlNode<'a>]> {
    match node {
        SqlNode::Group('(', inner) => list(inner),
        _ => None,
    }
}

fn list<'a, 'b>(nodes: &'b [SqlNode<'a>]) -> Option<&'b [SqlNode<'a>]> {
    match nodes {
        [SqlNode::Token("ARRAY"), SqlNode::Group('[', list)] => Some(list),
        _ => None,
    }
}

/// The element type in `::type[]`, and the number of nodes.
fn cast_to_array<'a, 'b>(nodes: &'b [SqlNode<'a>]) -> Option<(&'b [SqlNode<'a>], usize)> {
    let [SqlNode::Token(":"), SqlNode::Token(":"), rest @ ..] = nodes else { return None };
    let is_type = |node: &SqlNode<'_>| match node {
        SqlNode::Token(token) => *token == "." || *token == " " || token.starts_with('"') || token.starts_with(is_word),
        SqlNode::Group(open, _) => *open == '(',
    };
    let length = rest.iter().take_while(|node| is_type(node)).count();
    match rest.get(length) {
        Some(SqlNode::Group('[', inside)) if inside.is_empty() && length > 0 => Some((&rest[..length], length + 3)),
        _ => None,
    }
}

fn array_of<'a>(members: &[SqlNode<'a>], data_type: &[SqlNode<'a>]) -> [SqlNode<'a>; 2] {
    let mut inside = Vec::new();
    for (number, member) in members.split(|node| *node == SqlNode::Token(",")).enumerate() {
        let member = trimmed(member);
        if number > 0 {
            inside.extend([SqlNode::Token(","), SqlNode::Token(" ")]);
        }
        if let Some(more) = list(member) {
            inside.extend(array_of(more, data_type));
        } else {
            inside.extend([SqlNode::Group('(', member.to_vec()), SqlNode::Token(":"), SqlNode::Token(":")]);
            inside.extend_from_slice(data_type);
        }
    }
    [SqlNode::Token("ARRAY"), SqlNode::Group('[', inside)]
}

fn trimmed<'a, 'b>(nodes: &'b [SqlNode<'a>]) -> &'b [SqlNode<'a>] {
    let is_blank = |node: &SqlNode<'_>| matches!(node, SqlNode::Token(token) if token.trim().is_empty());
    let start = nodes.iter().position(|node| !is_blank(node)).unwrap_or(nodes.len());
    let end = nodes.iter().rposition(|node| !is_blank(node)).map_or(start, |last| last + 1);
    &nodes[start..end]
}

/// Turns `a AND (b AND c)` into `a AND b AND c`.
fn one_list_of<'a>(nodes: Vec<SqlNode<'a>>, word: &'static str) -> Vec<SqlNode<'a>> {
    let is_list = |nodes: &[SqlNode<'_>]| nodes.contains(&SqlNode::Token(word)) && !is_query(nodes);
    if !is_list(&nodes) {
        return nodes;
    }
    let mut out = Vec::with_capacity(nodes.len());
    for (number, operand) in nodes.split(|node| *node == SqlNode::Token(word)).enumerate() {
        if number > 0 {
            out.push(SqlNode::Token(word));
        }
        match trimmed(operand) {
            // The inner group is one list already.
            [SqlNode::Group('(', inner)] if is_list(inner) => {
                let lead = operand.iter().take_while(|node| matches!(node, SqlNode::Token(_)));
                let tail = operand.iter().skip_while(|node| matches!(node, SqlNode::Token(_))).skip(1);
                out.extend(lead.cloned());
                out.extend(inner.iter().cloned());
                out.extend(tail.cloned());
            }
            _ => out.extend_from_slice(operand),
        }
    }
    out
}

fn is_query(nodes: &[SqlNode<'_>]) -> bool {
    matches!(trimmed(nodes).first(), Some(SqlNode::Token("SELECT" | "WITH" | "VALUES")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_list_are_one() {
        for (first, again) in [
            (
                "(((s)::text = ANY ((ARRAY['A'::character varying, 'B'::character varying])::text[])))",
                "(((s)::text = ANY (ARRAY[('A'::character varying)::text, ('B'::character varying)::text])))",
            ),
            (
                "CHECK (((s)::text = ANY ((ARRAY['it''s]'::character varying, 'b''))'::character varying])::text[])))",
                "CHECK (((s)::text = ANY (ARRAY[('it''s]'::character varying)::text, ('b''))'::character varying)::text])))",
            ),
            (
                "((s)::text = ANY ((ARRAY[(s)::character varying(5), 'b'::character varying(5)])::text[]))",
                "((s)::text = ANY (ARRAY[((s)::character varying(5))::text, ('b'::character varying(5))::text]))",
            ),
            (
                "((ARRAY[ARRAY['a'::text, x], ARRAY['b'::text, y]])::character varying(5)[] = z)",
                "(ARRAY[ARRAY[('a'::text)::character varying(5), (x)::character varying(5)], \
                 ARRAY[('b'::text)::character varying(5), (y)::character varying(5)]] = z)",
            ),
            (
                "(c = ANY ((ARRAY[E'a\\']', b])::\"O d\".\"t\"[]))",
                "(c = ANY (ARRAY[(E'a\\']')::\"O d\".\"t\", (b)::\"O d\".\"t\"]))",
            ),
        ] {
            assert_eq!(spelled(first), again);
            assert_eq!(spelled(again), again);
        }
    }

    #[test]
    fn both_spellings_of_conditions_are_one() {
        for (first, again) in [
            (
                "(((a >= 1) AND (a <= 2)) AND ((b >= 3) AND (b <= 4)))",
                "((a >= 1) AND (a <= 2) AND (b >= 3) AND (b <= 4))",
            ),
            ("(a AND (b OR (c OR d)))", "(a AND (b OR c OR d))"),
            ("(a OR (b AND c) OR f(d OR e))", "(a OR (b AND c) OR f(d OR e))"),
            ("(a AND ( SELECT (b AND c)) AND (NOT (d AND e)))", "(a AND ( SELECT (b AND c)) AND (NOT (d AND e)))"),
        ] {
            assert_eq!(spelled(first), again);
            assert_eq!(spelled(again), again);
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        for text in [
            "(ARRAY[a, b])::text",
            "((ARRAY[a])[1] = x[1])",
            "ARRAY[]::text[]",
            "'((ARRAY[a])::text[])'",
            "CREATE FUNCTION f() AS $function$ (a AND (b AND c)) $function$",
            "sum(n) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
            "(a AND (b AND c)",
        ] {
            assert_eq!(spelled(text), text);
        }
    }

    #[test]
    fn line_ends_do_not_count() {
        let mut properties = BTreeMap::from([
            ("definition".to_owned(), Value::from("begin\r\nend")),
            ("values".to_owned(), Value::from(vec!["'a\r\nb'"])),
        ]);
        unify(&mut properties);
        assert_eq!(properties["definition"], "begin\nend");
        assert_eq!(properties["values"][0], "'a\r\nb'");
    }
}
