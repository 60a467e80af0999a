//! Filter, sort and page of the two queries.

use super::fql::{self, Column};
use super::shape::{Page, Refusal};
use crate::sandbox::exchange::Incoming;

const MOST: usize = 1000;
const USUAL: usize = 50;

/// The rows of one page, and where it stands. Without `sort` the rows keep the order they come in.
pub(super) fn page<'a, T>(
    rows: impl Iterator<Item = &'a T>,
    incoming: &Incoming,
    columns: &[Column<T>],
) -> Result<(Page, Vec<&'a T>), Refusal> {
    let refuse = |problem: String| Refusal::new(400, &problem);
    let limit = limit(incoming).map_err(refuse)?;
    let offset = offset(incoming).map_err(refuse)?;
    let filter = fql::parse(incoming.query("filter").unwrap_or_default())
        .and_then(|filter| filter.check(columns).map(|()| filter))
        .map_err(|problem| refuse(format!("invalid filter: {problem}")))?;
    let orders = orders(incoming.query("sort").unwrap_or_default(), columns).map_err(refuse)?;
    let mut found: Vec<&T> = rows.filter(|row| filter.admits(*row, columns, incoming.now)).collect();
    for (column, descending) in orders.iter().rev() {
        found.sort_by(|one, other| {
            let order = (column.read)(one, incoming.now).cmp(&(column.read)(other, incoming.now));
            if *descending { order.reverse() } else { order }
        });
    }
    let total = found.len();
    Ok((Page { limit, offset, total }, found.into_iter().skip(offset).take(limit).collect()))
}

fn limit(incoming: &Incoming) -> Result<usize, String> {
    let Some(text) = incoming.query("limit") else { return Ok(USUAL) };
    let fits = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    fits.ok_or_else(|| "limit must be an integer from 1 to 1000".to_owned())
}

fn offset(incoming: &Incoming) -> Result<usize, String> {
    let Some(text) = incoming.query("offset") else { return Ok(0) };
    text.parse().map_err(|_| "offset must be an integer of 0 or more".to_owned())
}

type Order<'c, T> = (&'c Column<T>, bool);

/// `field.desc`, `field|asc`, several with commas; whether each is descending.
fn orders<'c, T>(text: &str, columns: &'c [Column<T>]) -> Result<Vec<Order<'c, T>>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| order(part, columns)).collect()
}

fn order<'c, T>(part: &str, columns: &'c [Column<T>]) -> Result<Order<'c, T>, String> {
    let (name, direction) = part.split_once(['.', '|']).unwrap_or((part, "asc"));
    let column = columns.iter().find(|column| column.name == name);
    let column = column.ok_or_else(|| format!("invalid sort: {name} is no field to sort by"))?;
    match direction {
        "asc" => Ok((column, false)),
        "desc" => Ok((column, true)),
        other => Err(format!("invalid sort: {other} is neither asc nor desc")),
    }
}
