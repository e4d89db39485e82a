// SPDX-License-Identifier: MIT

// database/sql with lib/pq. Its default sslmode is require, which the engine declines; so disable is asked for.
package main

import (
	"context"
	"database/sql"
	"time"

	"pgveil/say"

	"github.com/lib/pq"
)

var ctx = context.Background()

type asker interface {
	QueryContext(context.Context, string, ...interface{}) (*sql.Rows, error)
}

func failed(step string, err error) bool {
	if e, ok := err.(*pq.Error); ok {
		say.Error(step, string(e.Code), e.Message)
	} else if err != nil {
		say.Error(step, "", err.Error())
	}
	return err != nil
}

func show(step string, r *sql.Rows, err error) {
	if failed(step, err) {
		return
	}
	defer r.Close()
	for more := true; more; more = r.NextResultSet() {
		types, err := r.ColumnTypes()
		say.Must(err)
		columns, rows := [][]string{}, [][]interface{}{}
		for _, t := range types {
			columns = append(columns, []string{t.Name(), t.DatabaseTypeName()})
		}
		for r.Next() {
			row, at := make([]interface{}, len(types)), make([]interface{}, len(types))
			for i := range row {
				at[i] = &row[i]
			}
			say.Must(r.Scan(at...))
			for i := range row {
				// Text of types that it has no Go type for comes as bytes.
				if b, ok := row[i].([]byte); ok && types[i].DatabaseTypeName() != "BYTEA" {
					row[i] = string(b)
				}
				row[i] = say.Cell(row[i])
			}
			rows = append(rows, row)
		}
		if failed(step, r.Err()) {
			return
		}
		say.Put(step, "columns", columns, "rows", rows)
	}
}

func ask(on asker, step, query string, values ...interface{}) {
	r, err := on.QueryContext(ctx, query, values...)
	show(step, r, err)
}

func dial(more string) *sql.Conn {
	db, err := sql.Open("postgres", "sslmode=disable"+more)
	say.Must(err)
	db.SetMaxOpenConns(1)
	c, err := db.Conn(ctx)
	say.Must(err)
	return c
}

func execute(c asker, prepare func(string) (*sql.Stmt, error)) {
	one, err := prepare(say.One + "$1")
	say.Must(err)
	all, err := prepare(say.Everything)
	say.Must(err)
	for i := 1; i <= 8; i++ {
		r, err := one.Query(i)
		show("execute", r, err)
	}
	r, err := all.Query()
	show("all", r, err)
	say.Must(one.Close())
	ask(c, "after", say.One+"$1", 2)
}

func copyIn(c *sql.Conn) {
	tx, err := c.BeginTx(ctx, nil)
	say.Must(err)
	s, err := tx.Prepare(pq.CopyInSchema("clinic", "journal", "id", "line", "amount"))
	say.Must(err)
	for i := 0; i < 20; i++ {
		_, err = s.Exec(101+i, "tab\there", i)
		say.Must(err)
	}
	result, err := s.Exec()
	say.Must(err)
	n, _ := result.RowsAffected()
	say.Put("in", "value", n)
	say.Must(s.Close())
	ask(tx, "copied", "SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id")
	say.Must(tx.Rollback())
	tx, err = c.BeginTx(ctx, nil)
	say.Must(err)
	s, err = tx.Prepare(pq.CopyInSchema("clinic", "journal", "id", "line", "amount"))
	say.Must(err)
	_, err = s.Exec("not a number", "x", 1)
	if err == nil {
		_, err = s.Exec()
	}
	failed("bad line", err)
	say.Must(tx.Rollback())
	ask(c, "after", "SELECT count(*) FROM clinic.journal WHERE id > 100")
	_, err = c.ExecContext(ctx, "COPY clinic.journal TO STDOUT")
	say.Put("out", "value", err != nil)
}

func main() {
	c := dial("")
	prepare := func(q string) (*sql.Stmt, error) { return c.PrepareContext(ctx, q) }
	say.Main(map[string]func(){
		"text": func() {
			ask(c, "simple", say.Everything)
			ask(c, "several", "SELECT 1 AS a; "+say.Some)
			ask(c, "parameter", say.One+"$1", 3)
		},
		"binary": func() {
			b := dial(" binary_parameters=yes")
			ask(b, "parameter", say.One+"$1", 3)
			execute(b, func(q string) (*sql.Stmt, error) { return b.PrepareContext(ctx, q) })
		},
		"prepared": func() { execute(c, prepare) },
		"copy":     func() { copyIn(c) },
		"cancel": func() {
			short, stop := context.WithTimeout(ctx, 700*time.Millisecond)
			r, err := c.QueryContext(short, say.Slow)
			show("slow", r, err)
			stop()
			// It gives the connection up.
			ask(dial(""), "after", say.Some)
		},
		"error": func() {
			tx, err := c.BeginTx(ctx, nil)
			say.Must(err)
			ask(tx, "before", say.One+"$1", 1)
			ask(tx, "division", "SELECT 1 / $1::int", 0)
			ask(tx, "aborted", "SELECT 1")
			say.Must(tx.Rollback())
			ask(c, "syntax", "SELEC 1")
			ask(c, "after", say.One+"$1", 2)
		},
		"refused": func() {
			ask(c, "refused", say.Refused)
			ask(c, "refused parameter", "SELECT id FROM clinic.patient WHERE ssn = $1", "61728300001")
			ask(c, "after", say.One+"$1", 1)
			tx, err := c.BeginTx(ctx, nil)
			say.Must(err)
			ask(tx, "begun", say.One+"$1", 2)
			ask(tx, "refused in a transaction", say.Refused)
			ask(tx, "aborted", "SELECT 1 AS one")
			say.Must(tx.Rollback())
			ask(c, "rolled back", say.One+"$1", 3)
		},
		"catalog": func() {
			ask(c, "columns", "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'clinic' ORDER BY 1, ordinal_position")
		},
	}, map[string]string{
		"pipeline": "lib/pq sends one statement and waits",
		"cursor":   "lib/pq reads portals whole",
	})
	say.Must(c.Close())
}
