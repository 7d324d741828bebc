//! Leaves out of a page what no reader, style sheet or script can tell from its
//! absence: most comments, space inside tags, and quotes that HTML does not need. All
//! else stays byte for byte, space in texts too: only a style sheet knows whether it
//! is seen.

use std::ops::Range;

use html5gum::{naive_next_state, DefaultEmitter, Span, Token, Tokenizer};

/// What stands between texts.
enum Markup {
    Start,
    Other,
    Comment,
}

/// A page that a browser makes the same tree of. One that the tokenizer does not see
/// as a browser does stays as it is.
pub fn smaller(page: &str) -> String {
    if page.contains("<![CDATA[") {
        return page.into(); // it holds text only within SVG and MathML
    }
    let Some(found) = markup(page) else { return page.into() };
    let mut out = String::with_capacity(page.len());
    let mut copied = 0;
    for (i, (kind, at)) in found.iter().enumerate() {
        out.push_str(&page[copied..at.start]);
        copied = at.end;
        match kind {
            Markup::Start => tidy(&page[at.clone()], &mut out),
            Markup::Comment if !matters(page, &found, i) => {}
            _ => out.push_str(&page[at.clone()]),
        }
    }
    out.push_str(&page[copied..]);
    out
}

/// All that is not text, in order. None says that browsers may take a part of the page
/// for something else than the tokenizer does.
fn markup(page: &str) -> Option<Vec<(Markup, Range<usize>)>> {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    let mut found: Vec<(Markup, Range<usize>)> = Vec::new();
    let mut foreign = 0; // how many <svg> and <math> are open
    for token in Tokenizer::new_with_emitter(page, emitter) {
        let Ok(token) = token;
        let (kind, Span { start, end }) = match &token {
            Token::StartTag(tag) => (Markup::Start, tag.span),
            Token::EndTag(tag) => (Markup::Other, tag.span),
            Token::Doctype(doctype) => (Markup::Other, doctype.span),
            Token::Comment(comment) => (Markup::Comment, comment.span),
            Token::String(_) | Token::Error(_) => continue,
        };
        let text = page.get(start..end)?;
        let last = found.last().map_or(0..0, |(_, last)| last.clone());
        if !text.starts_with('<') || !text.ends_with('>') || !is_text(&page[last.clone()], page.get(last.end..start)?, foreign > 0) {
            return None;
        }
        match &token {
            // Browsers take for text what is in it, and the tokenizer knows it by another name.
            Token::StartTag(tag) if &tag.name[..] == b"noframes" => return None,
            Token::StartTag(tag) if is_foreign(&tag.name) && !tag.self_closing => foreign += 1,
            Token::EndTag(tag) if is_foreign(&tag.name) => foreign -= 1,
            _ => {}
        }
        found.push((kind, start..end));
    }
    let last = found.last().map_or(0..0, |(_, last)| last.clone());
    is_text(&page[last.clone()], &page[last.end..], foreign > 0).then_some(found)
}

fn is_foreign(name: &[u8]) -> bool {
    name == b"svg" || name == b"math"
}

/// Whether browsers too take for text what the tokenizer does, after a tag. In a style
/// sheet or a script there is no markup, but within SVG there is.
fn is_text(tag: &str, text: &str, foreign: bool) -> bool {
    if is_named(tag, "noscript") && !ends_by_itself(text) {
        return false;
    }
    !foreign || !text.contains('<') || !is_raw(tag)
}

/// Whether what follows a tag is text up to its end.
fn is_raw(tag: &str) -> bool {
    let name = tag.trim_start_matches('<').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    naive_next_state(name.to_ascii_lowercase().as_bytes()).is_some()
}

/// Whether all that begins in a text ends there too. What stands in a noscript is text
/// to browsers that run scripts, and markup to others.
fn ends_by_itself(text: &str) -> bool {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    let mut open = false;
    for token in Tokenizer::new_with_emitter(text, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => open = naive_next_state(&tag.name).is_some(),
            Token::EndTag(_) => open = false,
            Token::Error(error) if error.as_str().starts_with("eof") => return false,
            _ => {}
        }
    }
    !open
}

/// Whether the page would be another without a comment: it speaks to somebody, it is
/// no proper one, or it keeps texts apart that are read otherwise as one.
fn matters(page: &str, found: &[(Markup, Range<usize>)], i: usize) -> bool {
    let comment = &page[found[i].1.clone()];
    if !comment.starts_with("<!--") || !comment.ends_with("-->") || comment.starts_with("<!--[if") || comment.contains("<![endif") {
        return true;
    }
    let is_other = |at: &usize| !matches!(found[*at].0, Markup::Comment);
    let before = (0..i).rev().find(is_other);
    let after = (i + 1..found.len()).find(is_other);
    let text_before = without_comments(page, found, before.map_or(0, |at| at + 1)..i, before.map_or(0, |at| found[at].1.end));
    let text_after = without_comments(page, found, i + 1..after.unwrap_or(found.len()), found[i].1.end);
    // The parser leaves out a newline that is the first thing in a <pre>. Two texts may
    // be an entity or a tag together, and in a table space stays where no other text
    // does.
    let is_space = |text: &str| text.chars().all(|c| c.is_ascii_whitespace());
    if text_before.is_empty() && before.is_some_and(|at| ["pre", "listing"].iter().any(|name| is_named(&page[found[at].1.clone()], name))) {
        return true;
    }
    !text_before.is_empty() && !text_after.is_empty() && !(is_space(&text_before) && is_space(&text_after))
}

/// The text from a place on, up to the next markup that is no comment of these.
fn without_comments(page: &str, found: &[(Markup, Range<usize>)], comments: Range<usize>, from: usize) -> String {
    let mut text = String::new();
    let mut at = from;
    for (_, comment) in &found[comments.clone()] {
        text.push_str(&page[at..comment.start]);
        at = comment.end;
    }
    let end = found.get(comments.end).map_or(page.len(), |(_, next)| next.start);
    text.push_str(&page[at..end]);
    text
}

fn is_named(tag: &str, name: &str) -> bool {
    tag.strip_prefix('<').is_some_and(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        rest[..end].eq_ignore_ascii_case(name)
    })
}

/// Writes a start tag with one space between attributes, and without the quotes that
/// it does not need.
fn tidy(tag: &str, out: &mut String) {
    let inner = &tag[..tag.len() - 1];
    let name = inner.find(is_between).unwrap_or(inner.len());
    out.push_str(&inner[..name]);
    let mut rest = &inner[name..];
    let mut bare = false; // whether a slash would belong to the last value
    loop {
        let next = rest.trim_start_matches(is_between);
        if next.is_empty() {
            break;
        }
        if next.len() < rest.len() {
            out.push(' ');
        }
        let attribute = Attribute::at(next);
        rest = &next[attribute.length..];
        // Only the last of the slashes between attributes means something.
        let closes = rest.ends_with('/') && rest.trim_start_matches(is_between).is_empty();
        bare = attribute.write(closes || rest.starts_with(|c| !is_between(c)), out);
    }
    if rest.ends_with('/') {
        out.push_str(if bare { " /" } else { "/" });
    }
    out.push('>');
}

fn is_between(c: char) -> bool {
    c.is_ascii_whitespace() || c == '/'
}

/// An attribute as it is written.
struct Attribute<'a> {
    name: &'a str,
    /// With its quotes, if it has any.
    value: Option<&'a str>,
    length: usize,
}

impl<'a> Attribute<'a> {
    /// The attribute that a text begins with. Its name may begin with =.
    fn at(text: &'a str) -> Self {
        let end = |c: char| is_between(c) || c == '=';
        let length = text.char_indices().skip(1).find(|(_, c)| end(*c)).map_or(text.len(), |(at, _)| at);
        let name = &text[..length];
        let Some(after) = text[length..].trim_start_matches(|c: char| c.is_ascii_whitespace()).strip_prefix('=') else {
            return Self { name, value: None, length };
        };
        let after = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let value = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => after[1..].find(quote).map_or(after.len(), |at| at + 2),
            _ => after.find(|c: char| c.is_ascii_whitespace()).unwrap_or(after.len()),
        };
        Self { name, value: Some(&after[..value]), length: text.len() - after.len() + value }
    }

    /// Writes it, and says whether it ends with a value without quotes. Quotes stay
    /// before what would belong to the value: a slash that closes the tag, or an
    /// attribute without space before it.
    fn write(&self, tight: bool, out: &mut String) -> bool {
        out.push_str(self.name);
        let Some(value) = self.value else { return false };
        out.push('=');
        let inner = value.strip_prefix(['"', '\'']).map(|rest| &rest[..rest.len() - 1]);
        match inner {
            Some(inner) if tight || !needs_no_quotes(inner) => out.push_str(value),
            _ => out.push_str(inner.unwrap_or(value)),
        }
        !out.ends_with(['"', '\''])
    }
}

fn needs_no_quotes(value: &str) -> bool {
    !value.is_empty() && !value.contains(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '=' | '<' | '>' | '`'))
}

#[cfg(test)]
mod tests {
    use super::smaller;

    #[test]
    fn what_nobody_can_see_is_left_out() {
        for (page, want) in [
            ("<p  class=\"a\"\n id='b' >x</p>", "<p class=a id=b>x</p>"),
            ("<a href = \"/x/\">x</a>", "<a href=/x/>x</a>"),
            ("<p>a<!-- b --><b>c</b></p>", "<p>a<b>c</b></p>"),
            ("<p> <!-- b --> </p>", "<p>  </p>"),
            ("<head>\n<!-- a --><!-- b -->\n<title>t</title>", "<head>\n\n<title>t</title>"),
            ("<svg><path d=\"M0\" /><path d=M0 /><g a  / ></svg>", "<svg><path d=\"M0\"/><path d=M0 /><g a></svg>"),
            ("<p =a=\"b c\" d=\"e\"f=\"g h\"/k>", "<p =a=\"b c\" d=\"e\"f=\"g h\" k>"),
            ("<p ü='ö' a= >", "<p ü=ö a=>"),
        ] {
            assert_eq!(smaller(page), want);
        }
    }

    #[test]
    fn what_somebody_can_see_stays() {
        for page in [
            "<pre>  a\n  b</pre>",
            "<pre><!-- c -->\nx</pre>",
            "<pre><!-- c -->&#13;x</pre>",
            "<table> <!-- c -->x</table>",
            "<p>&<!-- c -->amp;</p>",
            "<p title=\"\"\">x</p>",
            "<noscript><script></noscript><p  class=\"a\">",
            "<noscript><p title=\"</noscript><p  class=\"a\">",
            "<svg><style><p a=<b>></style></svg><p>",
            "<!--[if IE]><p><![endif]-->",
            "<script>\"<!-- a -->\" </script>",
            "<style> a > b {} <!-- c --> </style>",
            "<textarea><!-- a --> <p  class=\"b\"></textarea>",
            "<noframes><!-- a --> <p  class=\"b\"></noframes>",
            "<noembed><!-- a --> <p  class=\"b\"></noembed>",
            "<iframe><!-- a --> <p  class=\"b\"></iframe>",
            "<xmp><!-- a --> <p  class=\"b\"></xmp>",
            "<plaintext><!-- a --> <p  class=\"b\">",
            "<svg><![CDATA[<p  class=\"a\">]]></svg>",
            "<p title=\"a b\" alt=\"\" lang='\"'>ü &lt; ü</p>",
            "<br/><path d=\"a\"/><a b=c/>",
            "<p a=\"b",
            "<!-- open",
            "",
        ] {
            assert_eq!(smaller(page), page);
        }
    }
}
