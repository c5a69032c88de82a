// JDBC (pgjdbc): an order as JSON text, by setString.

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public class Jdbc {
    static String order;
    static String reference;

    static Connection connect() throws SQLException {
        return DriverManager.getConnection(String.format("jdbc:postgresql://%s:%s/%s?user=%s", System.getenv("PGHOST"),
            System.getenv("PGPORT"), System.getenv("PGDATABASE"), System.getenv("PGUSER")));
    }

    static String quote(String text) {
        return text == null ? "null" : "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n")
            .replace("\t", "\\t") + "\"";
    }

    static String array(List<String> texts) {
        List<String> quoted = new ArrayList<>();
        for (String text : texts) quoted.add(quote(text));
        return "[" + String.join(", ", quoted) + "]";
    }

    static String submit() throws SQLException {
        try (Connection connection = connect();
                PreparedStatement call = connection.prepareStatement("SELECT * FROM fpgo.submit_invoice(?)")) {
            call.setString(1, order);
            ResultSet row = call.executeQuery();
            row.next();
            return array(List.of(row.getString(1), row.getString(2), row.getString(3)));
        }
    }

    static String deliver() throws SQLException {
        try (Connection connection = connect();
                PreparedStatement call = connection.prepareStatement("SELECT fpgo.enqueue_invoice(?)");
                Statement statement = connection.createStatement()) {
            call.setString(1, order);
            call.executeQuery();
            statement.execute("CALL fpgo.deliver()");
            return "null";
        }
    }

    static String listen() throws SQLException {
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            statement.execute("LISTEN fpgo_order_status");
            System.out.println("{\"listening\": true}");
            PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(60000);
            return quote(heard[0].getParameter().replaceAll(".*\"status\": \"([^\"]*)\".*", "$1"));
        }
    }

    static String types() throws SQLException {
        try (Connection connection = connect();
                PreparedStatement query = connection.prepareStatement(
                    "SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = ?")) {
            query.setString(1, reference);
            ResultSet row = query.executeQuery();
            row.next();
            List<String> names = new ArrayList<>();
            for (int i = 1; i <= 3; i++) names.add(row.getObject(i).getClass().getSimpleName());
            return array(names);
        }
    }

    static String answer(String name) throws SQLException {
        switch (name) {
            case "submit": return submit();
            case "deliver": return deliver();
            case "listen": return listen();
            case "types": return types();
            default: throw new IllegalArgumentException(name);
        }
    }

    public static void main(String[] arguments) throws Exception {
        reference = arguments[1];
        order = Files.readString(Path.of(System.getenv("FPGO_ORDER"))).replace("@REFERENCE@", reference);
        try {
            System.out.println("{\"answer\": " + answer(arguments[0]) + "}");
        } catch (PSQLException error) {
            ServerErrorMessage said = error.getServerErrorMessage();
            System.out.printf("{\"failure\": {\"sqlstate\": %s, \"detail\": %s, \"printed\": %s}}%n",
                quote(error.getSQLState()), quote(said == null ? null : said.getDetail()), quote(error.toString()));
        }
    }
}
