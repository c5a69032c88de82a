# ruby-pg: an order as a hash, written by JSON.generate.

require 'json'
require 'pg'

NAME, REFERENCE = ARGV
ORDER = JSON.parse(File.read(ENV['FPGO_ORDER'], encoding: 'utf-8').gsub('@REFERENCE@', REFERENCE))

def say(what)
  puts JSON.generate(what)
  $stdout.flush
end

def connect
  connection = PG.connect
  connection.type_map_for_results = PG::BasicTypeMapForResults.new(connection)
  connection
end

def submit
  connect.exec_params('SELECT * FROM fpgo.submit_invoice($1)', [JSON.generate(ORDER)]).values.first
end

def deliver
  connection = connect
  connection.exec_params('SELECT fpgo.enqueue_invoice($1)', [JSON.generate(ORDER)])
  connection.exec('CALL fpgo.deliver()')
  nil
end

def listen
  connection = connect
  connection.exec('LISTEN fpgo_order_status')
  say(listening: true)
  connection.wait_for_notify(60) { |_channel, _pid, payload| return JSON.parse(payload)['status'] }
end

def types
  connect.exec_params('SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = $1',
                      [REFERENCE]).values.first.map { |value| value.class.name }
end

begin
  say(answer: send(NAME))
rescue PG::Error => e
  said = ->(field) { e.result&.error_field(field) }
  say(failure: { sqlstate: said[PG::PG_DIAG_SQLSTATE], detail: said[PG::PG_DIAG_MESSAGE_DETAIL], printed: e.full_message })
end
