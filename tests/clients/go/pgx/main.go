// SPDX-License-Identifier: MIT

// pgx v4: statement cache and binary results by default, batches, COPY in both directions.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"time"

	"pgveil/say"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

var ctx = context.Background()

type asker interface {
	Query(context.Context, string, ...interface{}) (pgx.Rows, error)
}

func failed(step string, err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		say.Error(step, e.Code, e.Message)
	} else if err != nil {
		say.Error(step, "", err.Error())
	}
	return err != nil
}

func show(step string, r pgx.Rows, err error) {
	if failed(step, err) {
		return
	}
	columns, rows := [][]interface{}{}, [][]interface{}{}
	for r.Next() {
		values, err := r.Values()
		say.Must(err)
		raw := r.RawValues()
		for i, f := range r.FieldDescriptions() {
			// What its types print is not the value of a uuid, a numeric or an array: then the bytes of the wire.
			if values[i] = say.Cell(values[i]); f.DataTypeOID == 2950 || f.DataTypeOID == 1700 || f.DataTypeOID == 1009 {
				if values[i] = nil; raw[i] != nil {
					values[i] = "\\x" + hex.EncodeToString(raw[i])
					if f.Format == 0 {
						values[i] = string(raw[i])
					}
				}
			}
		}
		rows = append(rows, values)
	}
	for _, f := range r.FieldDescriptions() {
		columns = append(columns, []interface{}{string(f.Name), f.DataTypeOID, f.Format})
	}
	if !failed(step, r.Err()) {
		say.Put(step, "columns", columns, "rows", rows, "tag", r.CommandTag().String())
	}
}

func ask(on asker, step, query string, values ...interface{}) {
	r, err := on.Query(ctx, query, values...)
	show(step, r, err)
}

func batch(c *pgx.Conn, step string, queries ...string) {
	b := &pgx.Batch{}
	for i, q := range queries {
		b.Queue(q, i+1)
	}
	results := c.SendBatch(ctx, b)
	for range queries {
		r, err := results.Query()
		show(step, r, err)
	}
	failed(step+" closed", results.Close())
}

func copied(c *pgx.Conn) {
	for _, options := range []string{"", " WITH (FORMAT csv, HEADER)", " WITH (FORMAT binary)"} {
		var out bytes.Buffer
		tag, err := c.PgConn().CopyTo(ctx, &out, "COPY clinic.journal TO STDOUT"+options)
		say.Must(err)
		say.Put("out"+options, "tag", tag.String(), "value", hex.EncodeToString(out.Bytes()))
	}
	tx, err := c.Begin(ctx)
	say.Must(err)
	rows := [][]interface{}{{int32(101), "one", int32(1)}, {int32(102), "two", int32(2)}}
	n, err := tx.CopyFrom(ctx, pgx.Identifier{"clinic", "journal"}, []string{"id", "line", "amount"}, pgx.CopyFromRows(rows))
	say.Must(err)
	say.Put("in", "value", n)
	ask(tx, "copied", "SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id")
	say.Must(tx.Rollback(ctx))
	_, err = c.PgConn().CopyFrom(ctx, bytes.NewBufferString("not a number\tx\t1\n"), "COPY clinic.journal FROM STDIN")
	failed("bad line", err)
	ask(c, "after", "SELECT count(*) FROM clinic.journal WHERE id > 100")
}

func main() {
	config, err := pgx.ParseConfig("")
	say.Must(err)
	if os.Args[1] == "text" {
		config.PreferSimpleProtocol = true
	}
	c, err := pgx.ConnectConfig(ctx, config)
	say.Must(err)
	say.Main(map[string]func(){
		"text": func() {
			ask(c, "simple", say.Everything)
			ask(c, "parameter", say.One+"$1", 3)
			results, err := c.PgConn().Exec(ctx, "SELECT 1 AS a; "+say.Some).ReadAll()
			say.Must(err)
			for _, r := range results {
				columns, rows := [][]string{}, [][]interface{}{}
				for _, f := range r.FieldDescriptions {
					columns = append(columns, []string{string(f.Name)})
				}
				for _, row := range r.Rows {
					cells := []interface{}{}
					for _, cell := range row {
						cells = append(cells, string(cell))
					}
					rows = append(rows, cells)
				}
				say.Put("several", "columns", columns, "rows", rows, "tag", r.CommandTag.String())
			}
		},
		"binary": func() {
			ask(c, "all", say.Everything)
			ask(c, "parameter", say.One+"$1", 3)
		},
		"prepared": func() {
			for i := 1; i <= 8; i++ {
				ask(c, "cached", say.One+"$1", i)
			}
			d, err := c.Prepare(ctx, "all", say.Everything)
			say.Must(err)
			say.Put("described", "value", len(d.Fields))
			for i := 0; i < 3; i++ {
				ask(c, "named", "all")
			}
			say.Must(c.Deallocate(ctx, "all"))
		},
		"pipeline": func() {
			batch(c, "batch", say.One+"$1", say.One+"$1", say.One+"$1 + 1", "SELECT $1::int AS a")
			batch(c, "failing", say.One+"$1", "SELECT 1 / ($1::int - 2)", say.One+"$1")
			ask(c, "after", say.One+"$1", 1)
		},
		"copy": func() { copied(c) },
		"cancel": func() {
			done, ended := make(chan bool), make(chan bool)
			go func() {
				for {
					select {
					case <-done:
						ended <- true
						return
					case <-time.After(200 * time.Millisecond):
						say.Must(c.PgConn().CancelRequest(ctx))
					}
				}
			}()
			ask(c, "slow", say.Slow)
			done <- true
			<-ended
			ask(c, "after", say.Some)
			short, stop := context.WithTimeout(ctx, 500*time.Millisecond)
			_, err := c.Exec(short, say.Slow)
			stop()
			say.Put("given up", "value", err != nil && c.IsClosed())
		},
		"error": func() {
			tx, err := c.Begin(ctx)
			say.Must(err)
			ask(tx, "before", say.One+"$1", 1)
			ask(tx, "division", "SELECT 1 / $1::int", 0)
			ask(tx, "aborted", "SELECT 1")
			say.Must(tx.Rollback(ctx))
			ask(c, "syntax", "SELEC 1")
			ask(c, "after", say.One+"$1", 2)
		},
		"refused": func() {
			ask(c, "refused", say.Refused)
			ask(c, "refused parameter", "SELECT id FROM clinic.patient WHERE ssn = $1", "61728300001")
			ask(c, "after", say.One+"$1", 1)
			tx, err := c.Begin(ctx)
			say.Must(err)
			ask(tx, "begun", say.One+"$1", 2)
			ask(tx, "refused in a transaction", say.Refused)
			ask(tx, "aborted", "SELECT 1 AS one")
			say.Must(tx.Rollback(ctx))
			ask(c, "rolled back", say.One+"$1", 3)
		},
		"catalog": func() {
			ask(c, "types", "SELECT oid::int8, typname::text, typtype::text FROM pg_type WHERE typnamespace = 'clinic'::regnamespace ORDER BY typname")
			ask(c, "columns", "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = 'clinic' ORDER BY 1, ordinal_position")
		},
	}, map[string]string{"cursor": "pgx reads portals whole"})
	c.Close(ctx)
}
