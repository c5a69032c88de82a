// lib/pq by database/sql: an order as a map, written by json.Marshal.
package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"
)

var order, reference string

func say(what map[string]interface{}) {
	line, _ := json.Marshal(what)
	fmt.Println(string(line))
}

func submit(db *sql.DB) (interface{}, error) {
	var row [3]string
	err := db.QueryRow("SELECT * FROM fpgo.submit_invoice($1)", order).Scan(&row[0], &row[1], &row[2])
	return row, err
}

func deliver(db *sql.DB) (interface{}, error) {
	if _, err := db.Exec("SELECT fpgo.enqueue_invoice($1)", order); err != nil {
		return nil, err
	}
	_, err := db.Exec("CALL fpgo.deliver()")
	return nil, err
}

func listen(*sql.DB) (interface{}, error) {
	listener := pq.NewListener("sslmode=disable", time.Second, time.Second, nil)
	if err := listener.Listen("fpgo_order_status"); err != nil {
		return nil, err
	}
	say(map[string]interface{}{"listening": true})
	var heard struct{ Status string }
	err := json.Unmarshal([]byte((<-listener.Notify).Extra), &heard)
	return heard.Status, err
}

func types(db *sql.DB) (interface{}, error) {
	var row [3]interface{}
	err := db.QueryRow("SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = $1",
		reference).Scan(&row[0], &row[1], &row[2])
	names := []string{}
	for _, value := range row {
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
	db, err := sql.Open("postgres", "sslmode=disable")
	if err != nil {
		panic(err)
	}
	answer, err := map[string]func(*sql.DB) (interface{}, error){
		"submit": submit, "deliver": deliver, "listen": listen, "types": types}[os.Args[1]](db)
	if err == nil {
		say(map[string]interface{}{"answer": answer})
		return
	}
	failure := map[string]interface{}{"sqlstate": nil, "detail": nil, "printed": err.Error()}
	var said *pq.Error
	if errors.As(err, &said) {
		failure["sqlstate"], failure["detail"] = said.Code, said.Detail
	}
	say(map[string]interface{}{"failure": failure})
}
