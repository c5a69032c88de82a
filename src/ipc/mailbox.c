/*
 * mailbox.c
 *		A session's shared memory with a process that sends.
 *
 * One dynamic shared memory segment a helper: a header of atomic words and
 * two message queues.  The segment outlives statements and transactions of
 * the caller; it goes when both processes have left it.
 *
 * The header's words settle who may do what without a lock:
 *
 *		owner	the caller takes an idle helper with IDLE -> BUSY, a helper
 *				that tires leaves with IDLE -> GONE; one of the two succeeds.
 *				A helper is born BUSY: born IDLE it could tire before its
 *				first request.
 *		waiting	whether the caller will be told of an order that was not sent,
 *				and may try again, or left before: WAITING -> TOLD or LEFT.
 *		deal	the helper strikes it with OPEN -> COMMITTING right before the
 *				commit that records the order; a caller that leaves tries
 *				OPEN -> WITHDRAWN.  Either the order goes on and the caller
 *				can name it, or nothing was recorded and nothing is sent;
 *				the same when the helper is found dead.  An inquiry is
 *				never recorded, so its deal stays open until its caller
 *				leaves.
 *
 * The queues keep the bytes that passed through them, so both sides overwrite
 * them between requests.  What passes through them is in message.c.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "ipc/mailbox.h"

/*
 * Bytes of each queue.  Enough for the usual order and for every answer to an
 * order as a whole, so that handing an answer over waits for nobody; longer
 * messages stream through.  Not more, since all of it is overwritten after each
 * order.
 */
#define QUEUE_SIZE 32768

static shm_mq *
queue_at(FpgoMailboxHeader *header, int number)
{
	return (shm_mq *) ((char *) header + MAXALIGN(sizeof(FpgoMailboxHeader)) +
					   number * QUEUE_SIZE);
}

FpgoMailbox *
fpgo_mailbox_create(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	FpgoMailbox *mailbox = palloc0(sizeof(FpgoMailbox));
	shm_mq	   *requests;
	shm_mq	   *answers;

	mailbox->segment = dsm_create(MAXALIGN(sizeof(FpgoMailboxHeader)) +
								  2 * QUEUE_SIZE, 0);
	dsm_pin_mapping(mailbox->segment);
	mailbox->header = dsm_segment_address(mailbox->segment);
	memset(mailbox->header, 0, sizeof(FpgoMailboxHeader));
	mailbox->header->protocol = FPGO_MAILBOX_PROTOCOL;
	pg_atomic_init_u32(&mailbox->header->owner, FPGO_HOLDER_BUSY);
	pg_atomic_init_u32(&mailbox->header->deal, FPGO_DEAL_OPEN);
	pg_atomic_init_u32(&mailbox->header->waiting, FPGO_CALLER_WAITING);
	pg_atomic_init_u64(&mailbox->header->submission, 0);
	requests = shm_mq_create(queue_at(mailbox->header, 0), QUEUE_SIZE);
	answers = shm_mq_create(queue_at(mailbox->header, 1), QUEUE_SIZE);
	shm_mq_set_sender(requests, MyProc);
	shm_mq_set_receiver(answers, MyProc);
	mailbox->out = shm_mq_attach(requests, mailbox->segment, NULL);
	mailbox->in = shm_mq_attach(answers, mailbox->segment, NULL);
	MemoryContextSwitchTo(old);
	return mailbox;
}

FpgoMailbox *
fpgo_mailbox_attach(dsm_handle handle)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	FpgoMailbox *mailbox = palloc0(sizeof(FpgoMailbox));
	shm_mq	   *requests;
	shm_mq	   *answers;

	mailbox->segment = dsm_attach(handle);
	if (mailbox->segment == NULL)
	{
		/* the caller left before this process was up */
		pfree(mailbox);
		MemoryContextSwitchTo(old);
		return NULL;
	}
	dsm_pin_mapping(mailbox->segment);
	mailbox->header = dsm_segment_address(mailbox->segment);
	if (mailbox->header->protocol != FPGO_MAILBOX_PROTOCOL)
	{
		dsm_detach(mailbox->segment);
		pfree(mailbox);
		MemoryContextSwitchTo(old);
		return NULL;
	}
	requests = queue_at(mailbox->header, 0);
	answers = queue_at(mailbox->header, 1);
	/* in this order: who sees the receiver finds the sender there too */
	shm_mq_set_sender(answers, MyProc);
	shm_mq_set_receiver(requests, MyProc);
	mailbox->in = shm_mq_attach(requests, mailbox->segment, NULL);
	mailbox->out = shm_mq_attach(answers, mailbox->segment, NULL);
	MemoryContextSwitchTo(old);
	return mailbox;
}

bool
fpgo_mailbox_is_attached(const FpgoMailbox *mailbox)
{
	return shm_mq_get_receiver(shm_mq_get_queue(mailbox->out)) != NULL;
}

void
fpgo_mailbox_detach(FpgoMailbox *mailbox)
{
	shm_mq_detach(mailbox->out);
	shm_mq_detach(mailbox->in);
	dsm_detach(mailbox->segment);
	pfree(mailbox);
}

/* Move the word on from WAITING, once; true if it stands at value then. */
static bool
decide_waiting(FpgoMailbox *mailbox, uint32 value)
{
	uint32		expected = FPGO_CALLER_WAITING;

	return pg_atomic_compare_exchange_u32(&mailbox->header->waiting,
										  &expected, value) ||
		expected == value;
}

bool
fpgo_mailbox_stop_waiting(FpgoMailbox *mailbox)
{
	return decide_waiting(mailbox, FPGO_CALLER_LEFT);
}

bool
fpgo_mailbox_is_awaited(FpgoMailbox *mailbox)
{
	return decide_waiting(mailbox, FPGO_CALLER_TOLD);
}

bool
fpgo_mailbox_leave(FpgoMailbox *mailbox)
{
	uint32		expected = FPGO_HOLDER_IDLE;

	return pg_atomic_compare_exchange_u32(&mailbox->header->owner, &expected,
										  FPGO_HOLDER_GONE);
}

void
fpgo_mailbox_wipe(FpgoMailbox *mailbox)
{
	/*
	 * Both queues are empty between requests, and a queue's own bookkeeping
	 * stands before its ring; where the ring begins is shm_mq.c's secret, but
	 * shm_mq_minimum_size is that plus one aligned word.
	 */
	Size		before_ring = shm_mq_minimum_size - MAXIMUM_ALIGNOF;

	for (int i = 0; i < 2; i++)
		explicit_bzero((char *) queue_at(mailbox->header, i) + before_ring,
					   QUEUE_SIZE - before_ring);
}
