//! A call through the proxy, against the call itself.

use crate::Plan;
use crate::table::{Row, Table};

pub(crate) fn measure(_: &Plan, table: &mut Table) {
    table.add(Row::not_there_yet("proxy: what it adds to a call", "-"));
}
