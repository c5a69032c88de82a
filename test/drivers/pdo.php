<?php
// PDO: an order as an array, written by json_encode.

[, $name, $reference] = $argv;
$order = json_decode(str_replace('@REFERENCE@', $reference, file_get_contents(getenv('FPGO_ORDER'))), true);

function say(array $what): void
{
    echo json_encode($what), "\n";
}

function connect(): PDO
{
    return new PDO(sprintf('pgsql:host=%s;port=%s;dbname=%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE')),
        getenv('PGUSER'), null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
}

function ask(PDO $connection, string $sql, string $value): array
{
    $statement = $connection->prepare($sql);
    $statement->execute([$value]);
    return $statement->fetch(PDO::FETCH_NUM);
}

$cases = [
    'submit' => fn () => ask(connect(), 'SELECT * FROM fpgo.submit_invoice(?)', json_encode($order)),
    'deliver' => function () use ($order) {
        $connection = connect();
        ask($connection, 'SELECT fpgo.enqueue_invoice(?)', json_encode($order));
        $connection->exec('CALL fpgo.deliver()');
    },
    'listen' => function () {
        $connection = connect();
        $connection->exec('LISTEN fpgo_order_status');
        say(['listening' => true]);
        return json_decode($connection->pgsqlGetNotify(PDO::FETCH_ASSOC, 60000)['payload'], true)['status'];
    },
    'types' => fn () => array_map('get_debug_type', ask(connect(),
        'SELECT grand_total, created_at, waiting_time FROM fpgo.submissions WHERE reference = ?', $reference)),
];

try {
    say(['answer' => $cases[$name]()]);
} catch (PDOException $error) {
    // the driver puts DETAIL into the message
    $detail = preg_match('/^DETAIL:\s+(.*?)(?=^[A-Z]+: |\z)/ms', $error->errorInfo[2] ?? '', $found) ? trim($found[1]) : null;
    say(['failure' => ['sqlstate' => $error->errorInfo[0] ?? null, 'detail' => $detail, 'printed' => (string) $error]]);
}
