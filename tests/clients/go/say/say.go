// SPDX-License-Identifier: MIT

// Package say prints what every client program prints: one JSON object a line (tests/README.md, "Clients").
package say

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

const (
	Everything = "SELECT * FROM clinic.patient ORDER BY id"
	Some       = "SELECT id, name, ssn, email FROM clinic.patient ORDER BY id"
	One        = "SELECT id, name, ssn, visits FROM clinic.patient WHERE id = "
	Slow       = "SELECT count(*) FROM clinic.note a, clinic.note b, clinic.note c, clinic.note d"
	Refused    = "SELECT id FROM clinic.patient WHERE ssn = '61728300001'"
)

// Put prints one line; pairs are names and values.
func Put(step string, pairs ...interface{}) {
	line := map[string]interface{}{"step": step}
	for i := 0; i+1 < len(pairs); i += 2 {
		line[pairs[i].(string)] = pairs[i+1]
	}
	out, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(out))
}

// Cell makes a value that JSON can show without loss.
func Cell(v interface{}) interface{} {
	switch x := v.(type) {
	case nil, bool, string:
		return x
	case []byte:
		return "\\x" + hex.EncodeToString(x)
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}

// Error prints a failed step.
func Error(step, sqlstate, message string) {
	Put(step, "error", map[string]string{"sqlstate": sqlstate, "message": message})
}

// Main runs the way that the command line names, or says why there is none.
func Main(ways map[string]func(), missing map[string]string) {
	way := os.Args[1]
	if reason, none := missing[way]; none {
		Put("n/a", "reason", reason)
	} else {
		ways[way]()
	}
}

// Must ends the program on what no step expects.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}
