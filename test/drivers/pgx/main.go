// pgx 4: an order as a map, written by json.Marshal and passed as a string.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

var order, reference string
var ctx = context.Background()

func say(what map[string]interface{}) {
	line, _ := json.Marshal(what)
	fmt.Println(string(line))
}

func submit(connection *pgx.Conn) (interface{}, error) {
	var row [3]string
	err := connection.QueryRow(ctx, "SELECT * FROM fpgo.submit_invoice($1)", order).Scan(&row[0], &row[1], &row[2])
	return row, err
}

func deliver(connection *pgx.Conn) (interface{}, error) {
	if _, err := connection.Exec(ctx, "SELECT fpgo.enqueue_invoice($1)", order); err != nil {
		return nil, err
	}
	_, err := connection.Exec(ctx, "CALL fpgo.deliver()")
	return nil, err
}

func listen(connection *pgx.Conn) (interface{}, error) {
	if _, err := connection.Exec(ctx, "LISTEN fpgo_order_status"); err != nil {
		return nil, err
	}
	say(map[string]interface{}{"listening": true})
	notification, err := connection.WaitForNotification(ctx)
	if err != nil {
		return nil, err
	}
	var heard struct{ Status string }
	err = json.Unmarshal([]byte(notification.Payload), &heard)
	return heard.Status, err
}

func types(connection *pgx.Conn) (interface{}, error) {
	rows, err := connection.Query(ctx,
		"SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = $1", reference)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	rows.Next()
	values, err := rows.Values()
	names := []string{}
	for _, value := range values {
		names = append(names, fmt.Sprintf("%T", value))
	}
	return names, err
}

func main() {
	reference = os.Args[2]
	raw, _ := os.ReadFile(os.Getenv("FPGO_ORDER"))
	var document map[string]interface{}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(raw), "@REFERENCE@", reference)), &document); err != nil {
		panic(err)
	}
	encoded, _ := json.Marshal(document)
	order = string(encoded)
	connection, err := pgx.Connect(ctx, "sslmode=disable")
	if err != nil {
		panic(err)
	}
	answer, err := map[string]func(*pgx.Conn) (interface{}, error){
		"submit": submit, "deliver": deliver, "listen": listen, "types": types}[os.Args[1]](connection)
	if err == nil {
		say(map[string]interface{}{"answer": answer})
		return
	}
	failure := map[string]interface{}{"sqlstate": nil, "detail": nil, "printed": err.Error()}
	var said *pgconn.PgError
	if errors.As(err, &said) {
		failure["sqlstate"], failure["detail"] = said.Code, said.Detail
	}
	say(map[string]interface{}{"failure": failure})
}
