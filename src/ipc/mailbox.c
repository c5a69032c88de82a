/*
 * mailbox.c
 *		Shared memory between a session and a process that sends.
 *
 * A mailbox is a segment of dynamic shared memory: a header of atomic words
 * and two message queues.  The segment outlives statements and transactions of
 * the caller.  It is freed when both processes have left it.
 *
 * The processes share the header's words without a lock.  Where both may
 * change a word, they use compare-and-exchange, and one of them succeeds:
 *
 *		holder	The caller takes an idle process that sends: IDLE -> BUSY.  A
 *				process that ends its wait leaves: IDLE -> GONE.  A new
 *				mailbox is BUSY: if it were IDLE, the process could leave
 *				before its first request.
 *		waiting	Will the caller learn that an order was not sent, and may it
 *				then try again?  WAITING -> TOLD if so; WAITING -> LEFT if the
 *				caller left before.
 *		deal	The process that sends strikes the deal, OPEN -> COMMITTING,
 *				right before the commit that records the order.  A caller that
 *				leaves tries OPEN -> WITHDRAWN.  After COMMITTING the order
 *				goes on, and the caller can name its submission.  After
 *				WITHDRAWN nothing is recorded and nothing is sent.  A caller
 *				that finds the process dead reads the deal in the same way.
 *				An inquiry is never recorded: its deal stays OPEN until its
 *				caller leaves.
 *
 * The queues keep the bytes that passed through them.  Therefore both
 * processes overwrite the queues between requests.  message.c has the
 * messages.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "ipc/mailbox.h"

/*
 * Bytes of each queue.  A usual order fits, and so does every answer to an
 * order: a process that hands an answer over never waits.  A longer message
 * goes through in parts.  A queue is not larger, since all of it is
 * overwritten after each order.
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
	pg_atomic_init_u32(&mailbox->header->holder, FPGO_HOLDER_BUSY);
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
		/* the caller left before this process started */
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
	/* in this order: a caller that sees the receiver finds the sender too */
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

/* Change the word from WAITING to value; true if it has that value then. */
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

	return pg_atomic_compare_exchange_u32(&mailbox->header->holder, &expected,
										  FPGO_HOLDER_GONE);
}

void
fpgo_mailbox_wipe(FpgoMailbox *mailbox)
{
	/*
	 * Both queues are empty between requests.  A queue's header stands before
	 * its ring.  shm_mq.c does not tell where the ring begins, but
	 * shm_mq_minimum_size is that offset plus one aligned word.
	 */
	Size		before_ring = shm_mq_minimum_size - MAXIMUM_ALIGNOF;

	for (int i = 0; i < 2; i++)
		explicit_bzero((char *) queue_at(mailbox->header, i) + before_ring,
					   QUEUE_SIZE - before_ring);
}
