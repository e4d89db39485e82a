// SPDX-License-Identifier: MIT
// tokio-postgres: binary results, named statements, pipelined requests, portals with a row limit, COPY both ways, cancel.
// Prints what tests/README.md ("Clients") asks of every client.
use futures_util::future::join_all;
use futures_util::{pin_mut, SinkExt, StreamExt, TryStreamExt};
use std::error::Error as _;
use std::time::Duration;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Client, Error, NoTls, Row, SimpleQueryMessage, Statement};

const EVERYTHING: &str = "SELECT * FROM clinic.patient ORDER BY id";
const SOME: &str = "SELECT id, name, ssn, email FROM clinic.patient ORDER BY id";
const ONE: &str = "SELECT id, name, ssn, visits FROM clinic.patient WHERE id = ";
const SLOW: &str = "SELECT count(*) FROM clinic.note a, clinic.note b, clinic.note c, clinic.note d";
const REFUSED: &str = "SELECT id FROM clinic.patient WHERE ssn = '61728300001'";

/// A cell as the wire has it.
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Raw, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw.to_vec()))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{:02x}", b)).collect()
}

fn text(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out += &format!("\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out + "\""
}

fn list<T>(items: impl IntoIterator<Item = T>, f: impl Fn(T) -> String) -> String {
    format!("[{}]", items.into_iter().map(f).collect::<Vec<_>>().join(","))
}

fn put(step: &str, name: &str, json: String) {
    println!("{{\"step\":{},{}:{}}}", text(step), text(name), json);
}

fn failed(step: &str, e: &Error) {
    let (state, message) = match e.as_db_error() {
        Some(d) => (d.code().code().to_string(), d.message().to_string()),
        None => (String::new(), e.source().map_or(e.to_string(), |s| s.to_string())),
    };
    put(step, "error", format!("{{\"sqlstate\":{},\"message\":{}}}", text(&state), text(&message)));
}

fn cell(row: &Row, i: usize) -> String {
    let readable = [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME].contains(row.columns()[i].type_());
    match row.get::<_, Option<Raw>>(i) {
        None => "null".into(),
        Some(Raw(b)) if readable => text(std::str::from_utf8(&b).unwrap()),
        Some(Raw(b)) => text(&("\\x".to_string() + &hex(&b))),
    }
}

fn rows(step: &str, rows: &[Row]) {
    let columns = rows.first().map_or("[]".into(), |r| {
        list(r.columns(), |c| format!("[{},{}]", text(c.name()), c.type_().oid()))
    });
    let cells = list(rows, |r| list(0..r.len(), |i| cell(r, i)));
    println!("{{\"step\":{},\"columns\":{},\"rows\":{}}}", text(step), columns, cells);
}

async fn ask(c: &Client, step: &str, sql: &str, values: &[&(dyn ToSql + Sync)]) {
    match c.query(sql, values).await {
        Ok(r) => rows(step, &r),
        Err(e) => failed(step, &e),
    }
}

async fn execute(c: &Client, step: &str, s: &Statement, values: &[&(dyn ToSql + Sync)]) {
    match c.query(s, values).await {
        Ok(r) => rows(step, &r),
        Err(e) => failed(step, &e),
    }
}

async fn simple(c: &Client, step: &str, sql: &str) {
    let messages = match c.simple_query(sql).await {
        Ok(m) => m,
        Err(e) => return failed(step, &e),
    };
    let mut names = vec![];
    let mut lines = vec![];
    for m in messages {
        match m {
            SimpleQueryMessage::Row(r) => {
                names = r.columns().iter().map(|c| c.name().to_string()).collect();
                lines.push(list(0..r.len(), |i| r.get(i).map_or("null".into(), text)));
            }
            SimpleQueryMessage::CommandComplete(n) => {
                let columns = list(&names, |n| format!("[{}]", text(n)));
                println!("{{\"step\":{},\"columns\":{},\"rows\":[{}],\"tag\":{}}}", text(step), columns, lines.join(","), n);
                names.clear();
                lines.clear();
            }
            _ => (),
        }
    }
}

async fn pipeline(c: &Client) {
    let one = c.prepare(&(ONE.to_string() + "$1")).await.unwrap();
    let zero = c.prepare("SELECT 1 / ($1::int - 3)").await.unwrap();
    let all = c.prepare(EVERYTHING).await.unwrap();
    let numbers = [1, 2, 3, 4, 5, 6];
    for (i, r) in join_all(numbers.iter().map(|n| async { c.query(&one, &[n]).await })).await.iter().enumerate() {
        rows(&format!("in line {}", i), r.as_ref().unwrap());
    }
    let (before, division, behind, everything) =
        tokio_join(c.query(&one, &[&1]), c.query(&zero, &[&3]), c.query(&one, &[&2]), c.query(&all, &[])).await;
    rows("before", &before.unwrap());
    failed("division", &division.unwrap_err());
    rows("behind", &behind.unwrap());
    rows("everything", &everything.unwrap());
}

async fn tokio_join<A, B, C, D>(
    a: impl std::future::Future<Output = A>,
    b: impl std::future::Future<Output = B>,
    c: impl std::future::Future<Output = C>,
    d: impl std::future::Future<Output = D>,
) -> (A, B, C, D) {
    use futures_util::future::{join, join3};
    let (a, (b, c, d)) = join(a, join3(b, c, d)).await;
    (a, b, c, d)
}

async fn cursor(c: &mut Client) {
    let t = c.transaction().await.unwrap();
    let portal = t.bind(EVERYTHING, &[]).await.unwrap();
    let other = t.bind(SOME, &[]).await.unwrap();
    rows("two", &t.query_portal(&portal, 2).await.unwrap());
    rows("other", &t.query_portal(&other, 3).await.unwrap());
    rows("three", &t.query_portal(&portal, 3).await.unwrap());
    rows("rest", &t.query_portal(&portal, 0).await.unwrap());
    rows("end", &t.query_portal(&portal, 0).await.unwrap());
    t.rollback().await.unwrap();
    let stream = c.query_raw(SOME, Vec::<i32>::new()).await.unwrap();
    pin_mut!(stream);
    while let Some(r) = stream.try_next().await.unwrap() {
        rows("streamed", &[r]);
    }
}

async fn copy(c: &mut Client) {
    for options in ["", " WITH (FORMAT csv, HEADER)", " WITH (FORMAT binary)"] {
        let out = c.copy_out(&("COPY clinic.journal TO STDOUT".to_string() + options)).await.unwrap();
        pin_mut!(out);
        while let Some(b) = out.next().await {
            put(&("out".to_string() + options), "value", text(&hex(&b.unwrap())));
        }
    }
    let t = c.transaction().await.unwrap();
    {
        let sink = t.copy_in("COPY clinic.journal (id, line, amount) FROM STDIN").await.unwrap();
        pin_mut!(sink);
        sink.send(&b"101\tone\t1\n102\t"[..]).await.unwrap();
        sink.send(&b"two\t2\n"[..]).await.unwrap();
        put("in", "value", sink.finish().await.unwrap().to_string());
    }
    rows("copied", &t.query("SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id", &[]).await.unwrap());
    t.rollback().await.unwrap();
    {
        let sink = c.copy_in("COPY clinic.journal FROM STDIN").await.unwrap();
        pin_mut!(sink);
        sink.send(&b"not a number\tx\t1\n"[..]).await.unwrap();
        failed("bad line", &sink.finish().await.unwrap_err());
    }
    ask(c, "after", "SELECT count(*) FROM clinic.journal WHERE id > 100", &[]).await;
}

/// Asked again until the statement ends: a request that comes before it runs does nothing.
async fn cancel(c: &Client) {
    let token = c.cancel_token();
    let again = async {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            token.cancel_query(NoTls).await.unwrap();
        }
    };
    let slow = ask(c, "slow", SLOW, &[]);
    pin_mut!(again, slow);
    futures_util::future::select(slow, again).await;
    ask(c, "after", SOME, &[]).await;
}

async fn run(c: &mut Client, way: &str) {
    match way {
        "text" => {
            simple(c, "all", EVERYTHING).await;
            simple(c, "several", &("SELECT 1 AS a; ".to_string() + SOME)).await;
        }
        "binary" => {
            ask(c, "all", EVERYTHING, &[]).await;
            ask(c, "parameter", &(ONE.to_string() + "$1"), &[&3]).await;
        }
        "prepared" => {
            let one = c.prepare(&(ONE.to_string() + "$1")).await.unwrap();
            let all = c.prepare(EVERYTHING).await.unwrap();
            for i in 1..9 {
                execute(c, &format!("execute {}", i), &one, &[&i]).await;
            }
            for _ in 0..3 {
                execute(c, "all", &all, &[]).await;
            }
        }
        "pipeline" => pipeline(c).await,
        "cursor" => cursor(c).await,
        "copy" => copy(c).await,
        "cancel" => cancel(c).await,
        "error" => {
            simple(c, "begin", "BEGIN").await;
            ask(c, "before", &(ONE.to_string() + "$1"), &[&1]).await;
            ask(c, "division", "SELECT 1 / $1::int", &[&0]).await;
            ask(c, "aborted", "SELECT 1", &[]).await;
            simple(c, "rollback", "ROLLBACK").await;
            ask(c, "syntax", "SELEC 1", &[]).await;
            ask(c, "after", &(ONE.to_string() + "$1"), &[&2]).await;
        }
        "refused" => {
            ask(c, "refused", REFUSED, &[]).await;
            simple(c, "refused simple", REFUSED).await;
            ask(c, "after", &(ONE.to_string() + "$1"), &[&1]).await;
            simple(c, "begin", "BEGIN").await;
            ask(c, "refused in a transaction", "SELECT id FROM clinic.patient WHERE ssn = $1", &[&"61728300001"]).await;
            ask(c, "aborted", "SELECT 1 AS one", &[]).await;
            simple(c, "rollback", "ROLLBACK").await;
            ask(c, "rolled back", &(ONE.to_string() + "$1"), &[&3]).await;
        }
        // Its own queries for types that it does not know.
        "catalog" => {
            ask(c, "composite", "SELECT j FROM clinic.journal j ORDER BY id", &[]).await;
            let s = c.prepare("SELECT j, array_agg(j) OVER () AS a FROM clinic.journal j").await.unwrap();
            for column in s.columns() {
                put(column.name(), "value", text(&format!("{:?}", column.type_())));
            }
        }
        _ => panic!("no such way: {}", way),
    }
}

async fn all() {
    let env = |name| std::env::var(name).unwrap();
    let mut config = tokio_postgres::Config::new();
    config.host(&env("PGHOST")).port(env("PGPORT").parse().unwrap()).user(&env("PGUSER"));
    config.password(env("PGPASSWORD")).dbname(&env("PGDATABASE"));
    let (mut client, connection) = config.connect(NoTls).await.unwrap();
    let way = std::env::args().nth(1).unwrap();
    let work = async {
        run(&mut client, &way).await;
        drop(client);
    };
    let (_, end) = futures_util::future::join(work, connection).await;
    end.unwrap();
}

fn main() {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(all());
}
