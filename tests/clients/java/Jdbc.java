// SPDX-License-Identifier: MIT
// PostgreSQL's JDBC driver. Arguments: "simple" for preferQueryMode=simple, else "extended"; then the way.
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.sql.*;
import java.util.*;
import java.util.concurrent.atomic.AtomicBoolean;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;

public class Jdbc {
    static final String EVERYTHING = "SELECT * FROM clinic.patient ORDER BY id";
    static final String SOME = "SELECT id, name, ssn, email FROM clinic.patient ORDER BY id";
    static final String ONE = "SELECT id, name, ssn, visits FROM clinic.patient WHERE id = ";
    static final String SLOW = "SELECT count(*) FROM clinic.note a, clinic.note b, clinic.note c, clinic.note d";
    static final String REFUSED = "SELECT id FROM clinic.patient WHERE ssn = '61728300001'";
    static Connection conn;

    static String json(Object v) {
        if (v == null) return "null";
        if (v instanceof Boolean || v instanceof Number) return v.toString();
        if (v instanceof List) {
            StringJoiner j = new StringJoiner(",", "[", "]");
            for (Object o : (List<?>) v) j.add(json(o));
            return j.toString();
        }
        StringBuilder b = new StringBuilder("\"");
        for (char c : v.toString().toCharArray()) {
            if (c == '"' || c == '\\') b.append('\\').append(c);
            else if (c < ' ') b.append(String.format("\\u%04x", (int) c));
            else b.append(c);
        }
        return b.append('"').toString();
    }

    static void put(String step, Object... pairs) {
        StringBuilder b = new StringBuilder("{\"step\":" + json(step));
        for (int i = 0; i < pairs.length; i += 2) b.append(",").append(json(pairs[i])).append(":").append(json(pairs[i + 1]));
        System.out.println(b.append("}"));
    }

    static void error(String step, SQLException e) {
        System.out.println("{\"step\":" + json(step) + ",\"error\":{\"sqlstate\":" + json(e.getSQLState()) + ",\"message\":" + json(e.getMessage()) + "}}");
    }

    static Object cell(ResultSet r, int i) throws SQLException {
        Object v = r.getObject(i);
        if (v instanceof byte[]) {
            StringBuilder b = new StringBuilder("\\x");
            for (byte x : (byte[]) v) b.append(String.format("%02x", x));
            return b.toString();
        }
        // Numbers by their text: a client that reads JSON must not round them.
        return v instanceof Array || v instanceof Number ? r.getString(i) : v instanceof Boolean ? v : v == null ? null : v.toString();
    }

    static void rows(String step, ResultSet r, int limit) throws SQLException {
        ResultSetMetaData m = r.getMetaData();
        List<Object> columns = new ArrayList<>(), rows = new ArrayList<>();
        for (int i = 1; i <= m.getColumnCount(); i++)
            columns.add(List.of(m.getColumnLabel(i), m.getColumnTypeName(i), m.getPrecision(i), m.getScale(i)));
        while (limit-- != 0 && r.next()) {
            List<Object> row = new ArrayList<>();
            for (int i = 1; i <= m.getColumnCount(); i++) row.add(cell(r, i));
            rows.add(row);
        }
        put(step, "columns", columns, "rows", rows);
    }

    static void ask(String step, String sql, Object... values) {
        try (PreparedStatement s = conn.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) s.setObject(i + 1, values[i]);
            if (s.execute()) rows(step, s.getResultSet(), -1);
            else put(step, "tag", s.getUpdateCount());
        } catch (SQLException e) {
            error(step, e);
        }
    }

    static void text() {
        ask("all", EVERYTHING);
        ask("parameter", ONE + "?", 3);
    }

    static void binary() throws SQLException {
        conn.close();
        Properties p = properties();
        p.setProperty("prepareThreshold", "-1");
        conn = DriverManager.getConnection(url(), p);
        ask("all", EVERYTHING);
        ask("parameter", ONE + "?", 3);
    }

    static void prepared() throws SQLException {
        try (PreparedStatement s = conn.prepareStatement(ONE + "?"); PreparedStatement all = conn.prepareStatement(EVERYTHING)) {
            for (int i = 1; i <= 8; i++) {
                s.setInt(1, i);
                rows("execute " + i, s.executeQuery(), -1);
                put("server side " + i, "value", s.unwrap(PGStatement.class).isUseServerPrepare());
            }
            for (int i = 1; i <= 8; i++) rows("all " + i, all.executeQuery(), -1);
            s.setString(1, "one");
            s.executeQuery();
        } catch (SQLException e) {
            error("another type", e);
        }
        ask("after", ONE + "?", 1);
    }

    static void pipeline() throws SQLException {
        conn.setAutoCommit(false);
        try (PreparedStatement s = conn.prepareStatement("INSERT INTO clinic.journal (id, line, amount) VALUES (?, ?, ?)")) {
            for (int i = 0; i < 300; i++) {
                s.setInt(1, 100 + i);
                s.setString(2, "line");
                s.setInt(3, i);
                s.addBatch();
            }
            put("batch", "value", Arrays.stream(s.executeBatch()).sum());
        }
        ask("inserted", "SELECT count(*), sum(amount) FROM clinic.journal WHERE id >= 100");
        try (Statement s = conn.createStatement()) {
            for (int i = 1; i < 5; i++) s.addBatch("UPDATE clinic.journal SET amount = " + (3 - i) + " WHERE id = 100");
            s.executeBatch();
        } catch (BatchUpdateException e) {
            put("counts", "value", Arrays.toString(e.getUpdateCounts()));
            error("check violated", e.getNextException() == null ? e : e.getNextException());
        }
        conn.rollback();
        try (Statement s = conn.createStatement()) {
            boolean more = s.execute("SELECT 1 AS a; " + SOME + "; UPDATE clinic.journal SET amount = 1 WHERE id = -1");
            for (int n = 1; more || s.getUpdateCount() != -1; n++, more = s.getMoreResults()) {
                if (more) rows("several " + n, s.getResultSet(), -1);
                else put("several " + n, "tag", s.getUpdateCount());
            }
        }
        conn.rollback();
        ask("after", "SELECT count(*) FROM clinic.journal WHERE id >= 100");
    }

    static void cursor() throws SQLException {
        conn.setAutoCommit(false);
        for (int n = 1; n <= 7; n++) { // binary from the fifth on
            try (PreparedStatement s = conn.prepareStatement(EVERYTHING)) {
                s.setFetchSize(2);
                ResultSet r = s.executeQuery();
                rows("three " + n, r, 3);
                if (n % 2 == 1) rows("rest " + n, r, -1);
            }
        }
        conn.commit();
        try (Statement s = conn.createStatement()) {
            s.setMaxRows(4);
            rows("at most four", s.executeQuery(SOME), -1);
        }
        conn.commit();
        ask("after", ONE + "?", 1);
    }

    static void copy() throws Exception {
        conn.setAutoCommit(false);
        var copy = conn.unwrap(PGConnection.class).getCopyAPI();
        for (String options : new String[] {"", " WITH (FORMAT csv, HEADER)", " WITH (FORMAT binary)"}) {
            var out = new ByteArrayOutputStream();
            put("tag" + options, "value", copy.copyOut("COPY clinic.journal TO STDOUT" + options, out));
            put("out" + options, "value", HexFormat.of().formatHex(out.toByteArray()));
        }
        put("in", "value", copy.copyIn("COPY clinic.journal (id, line, amount) FROM STDIN", new StringReader("101\tone\t1\n102\ttwo\t2\n")));
        ask("copied", "SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id");
        var in = copy.copyIn("COPY clinic.journal FROM STDIN");
        in.writeToCopy("103\tx".getBytes(), 0, 5);
        in.cancelCopy();
        conn.rollback();
        try {
            copy.copyIn("COPY clinic.journal FROM STDIN", new ByteArrayInputStream("not a number\tx\t1\n".getBytes()));
        } catch (SQLException e) {
            error("bad line", e);
        }
        conn.rollback();
        ask("after", "SELECT count(*) FROM clinic.journal WHERE id > 100");
    }

    static void cancel() throws Exception {
        for (String kind : new String[] {"plain", "prepared"}) {
            try (Statement s = kind.equals("plain") ? conn.createStatement() : conn.prepareStatement(SLOW)) {
                var done = new AtomicBoolean();
                var t = new Thread(() -> {
                    try {
                        while (!done.get()) {
                            Thread.sleep(200);
                            s.cancel();
                        }
                    } catch (Exception e) {
                        put("cancel failed", "value", e.toString());
                    }
                });
                t.start();
                try {
                    if (s instanceof PreparedStatement) ((PreparedStatement) s).executeQuery();
                    else s.executeQuery(SLOW);
                } catch (SQLException e) {
                    error("slow", e);
                }
                done.set(true);
                t.join();
            }
            ask("after " + kind, SOME);
        }
        try (Statement s = conn.createStatement()) {
            s.setQueryTimeout(1);
            s.executeQuery(SLOW);
        } catch (SQLException e) {
            error("timeout", e);
        }
        ask("after timeout", SOME);
    }

    static void error() throws SQLException {
        conn.setAutoCommit(false);
        ask("before", ONE + "?", 1);
        ask("division", "SELECT 1 / ?::int", 0);
        ask("aborted", "SELECT 1");
        conn.rollback();
        ask("first", ONE + "?", 1);
        Savepoint p = conn.setSavepoint("here");
        ask("division again", "SELECT 1 / 0");
        conn.rollback(p);
        ask("behind savepoint", ONE + "?", 4);
        conn.commit();
        conn.setAutoCommit(true);
        ask("syntax", "SELEC 1");
        ask("after", ONE + "?", 2);
    }

    static void refused() throws SQLException {
        ask("refused", REFUSED);
        ask("refused parameter", "SELECT id FROM clinic.patient WHERE ssn = ?", "61728300001");
        ask("after", ONE + "?", 1);
        conn.setAutoCommit(false);
        ask("begun", ONE + "?", 2);
        ask("refused in a transaction", REFUSED);
        ask("aborted", "SELECT 1 AS one");
        conn.rollback();
        ask("rolled back", ONE + "?", 3);
        conn.commit();
    }

    static void catalog() throws SQLException {
        DatabaseMetaData m = conn.getMetaData();
        put("product", "value", m.getDatabaseProductName() + " " + m.getDatabaseProductVersion());
        put("names", "value", m.getMaxColumnNameLength() + m.getSQLKeywords());
        rows("schemas", m.getSchemas(), -1);
        rows("catalogs", m.getCatalogs(), -1);
        rows("tables", m.getTables(null, "clinic", "%", null), -1);
        rows("columns", m.getColumns(null, "clinic", "%", "%"), -1);
        rows("keys", m.getPrimaryKeys(null, "clinic", "patient"), -1);
        rows("indexes", m.getIndexInfo(null, "clinic", "patient", false, false), -1);
        rows("imported", m.getImportedKeys(null, "clinic", "note"), -1);
        rows("exported", m.getExportedKeys(null, "clinic", "patient"), -1);
        rows("best", m.getBestRowIdentifier(null, "clinic", "note", DatabaseMetaData.bestRowSession, true), -1);
        rows("functions", m.getFunctions(null, "clinic", "%"), -1);
        rows("arguments", m.getFunctionColumns(null, "clinic", "%", "%"), -1);
        rows("procedures", m.getProcedures(null, "clinic", "%"), -1);
        rows("types", m.getUDTs(null, "clinic", "%", null), -1);
        rows("rights", m.getTablePrivileges(null, "clinic", "patient"), -1);
        rows("type info", m.getTypeInfo(), -1);
        try (PreparedStatement s = conn.prepareStatement(EVERYTHING)) {
            ResultSetMetaData r = s.getMetaData();
            for (int i = 1; i <= r.getColumnCount(); i++)
                put("described " + i, "value", List.of(r.getColumnName(i), r.getTableName(i), r.getSchemaName(i), r.isNullable(i), r.isAutoIncrement(i)));
        }
        ask("array of composite", "SELECT array_agg(j ORDER BY id)::text AS j FROM clinic.journal j");
        put("valid", "value", conn.isValid(5));
    }

    static String url() {
        var e = System.getenv();
        return "jdbc:postgresql://" + e.get("PGHOST") + ":" + e.get("PGPORT") + "/" + e.get("PGDATABASE");
    }

    static String mode;

    static Properties properties() {
        Properties p = new Properties();
        p.setProperty("user", System.getenv("PGUSER"));
        p.setProperty("password", System.getenv("PGPASSWORD"));
        p.setProperty("preferQueryMode", mode);
        return p;
    }

    public static void main(String[] a) throws Exception {
        mode = a[0];
        conn = DriverManager.getConnection(url(), properties());
        switch (a[1]) {
        case "text": text(); break;
        case "binary":
            if (mode.equals("simple")) put("n/a", "reason", "a simple Query has text results only");
            else binary();
            break;
        case "prepared":
            if (mode.equals("simple")) put("n/a", "reason", "preferQueryMode=simple never prepares");
            else prepared();
            break;
        case "pipeline": pipeline(); break;
        case "cursor":
            if (mode.equals("simple")) put("n/a", "reason", "fetchSize has no effect on a simple Query");
            else cursor();
            break;
        case "copy": copy(); break;
        case "cancel": cancel(); break;
        case "error": error(); break;
        case "refused": refused(); break;
        case "catalog": catalog(); break;
        default: throw new IllegalArgumentException(a[1]);
        }
        conn.close();
    }
}
