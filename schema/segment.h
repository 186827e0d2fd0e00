/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment.h: the trace file. FORMAT.md is the specification; here are its structures, the one writer and the one reader.
 *
 *   header | key record? | (descriptor | LZ4 frame | checkpoint)* | footer
 *
 * All records are LZ4 skippable frames, so that `lz4 -dc trace.seg` gives the envelopes and frames.
 */
#ifndef PROCREC_SCHEMA_SEGMENT_H
#define PROCREC_SCHEMA_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/meter.h"
#include "base/pool.h"
#include "schema/frame.h"
#include "schema/source.h"

#define PR_SEG_SKIP_MAGIC 0x184d2a5cu /* one of LZ4's sixteen magic numbers of skippable frames */
#define PR_SEG_TAG_HEADER "PRECSEG1"
#define PR_SEG_TAG_BLOCK "PRECBLK1"
#define PR_SEG_TAG_FOOTER "PRECEND1"
#define PR_SEG_TAG_KEY "PRECKEY1"
#define PR_SEG_TAG_SIG "PRECSIG1"

#define PR_SEG_VERSION 1
#define PR_SEG_COMPAT_KNOWN 0u
#define PR_SEG_INCOMPAT_REARRANGED 1u /* blocks of encoding 1: see rearrange.h */
#define PR_SEG_INCOMPAT_KNOWN PR_SEG_INCOMPAT_REARRANGED

#define PR_SEG_HEADER_SIZE 168u /* of the whole skippable frame, magic and size included; so are the next two */
#define PR_SEG_BLOCK_SIZE 152u
#define PR_SEG_FOOTER_SIZE 152u
#define PR_SEG_SIG_SIZE 248u
#define PR_SEG_RECORD_MIN 152u /* of records other than the header */
#define PR_SEG_RECORD_MAX (64u << 10) /* and at most, the LZ4 frame behind a descriptor not included */
#define PR_SEG_RAW_MAX (PR_FRAME_MAX + (1u << 20)) /* raw bytes of one block, at most */
#define PR_SEG_BLOCK_TARGET (256u << 10) /* a block is closed when its raw bytes reach this */
#define PR_SEG_UUID 16
#define PR_SEG_LINK 32 /* SHA-256 */
#define PR_SEG_BLOCK_REPEAT 1u /* flags of a descriptor: all envelopes of the block are PR_ENV_REPEAT */

enum pr_seg_kind {
	PR_SEG_RECORDED = 1, /* by procrec record */
	PR_SEG_PACKED = 2, /* by procrec pack or asm */
	PR_SEG_DERIVED = 3 /* cut out of or repaired from another trace */
};

struct pr_seg_header {
	uint16_t version;
	uint32_t compat, incompat;
	uint8_t uuid[PR_SEG_UUID]; /* of this segment */
	uint8_t recording[PR_SEG_UUID]; /* the same for all segments of a rotation */
	uint64_t number; /* of the segment in its recording, from 0 */
	uint8_t prev_link[PR_SEG_LINK]; /* last link of the segment before it in its directory; 0: there was none */
	uint64_t created_realtime; /* ns since 1970, 0: not stated */
	uint64_t created_boottime; /* ns, 0: not stated */
	uint32_t kind; /* enum pr_seg_kind */
	uint64_t series; /* of the segment in its directory, from 0, going on over recordings: its name says the same */
	uint64_t oldest; /* the lowest series number that retention had left when this segment was begun */
	uint64_t frames_before; /* counted frames of the recording in the segments before, PR_ENV_REPEAT ones left out */
	uint8_t boot_id[PR_SEG_UUID]; /* of the recorded kernel; 0: not stated */
	uint8_t link[PR_SEG_LINK]; /* derived: SHA-256 of the header's bytes, the first link of the chain */
};

struct pr_seg_block {
	uint64_t number; /* from 0 */
	uint64_t first_frame; /* seq of its first counted frame (how many counted frames come before this block) */
	uint32_t frames; /* counted ones: neither PR_ENV_META nor PR_ENV_CONT */
	uint32_t envelopes;
	uint32_t raw_size; /* bytes of its envelopes and frames */
	uint32_t comp_size; /* bytes of the LZ4 frame that follows the descriptor */
	uint32_t stored_size; /* bytes that the LZ4 frame gives; raw_size where encoding is 0 */
	uint32_t encoding; /* 0: those bytes are the stream as it is; 1: rearranged */
	uint32_t flags; /* PR_SEG_BLOCK_* */
	uint64_t ktime_min, ktime_max; /* over common.ktime of its frames, META and RAW ones left out; min > max: none */
	uint8_t prev[PR_SEG_LINK];
	uint8_t link[PR_SEG_LINK];
};

struct pr_seg_footer {
	uint64_t blocks, frames, envelopes, raw_bytes;
	uint64_t file_size; /* footer included */
	uint64_t ktime_min, ktime_max;
	uint8_t prev[PR_SEG_LINK]; /* link of the last block, or of the header */
	uint8_t link[PR_SEG_LINK];
};

/* A block with its bytes. */
struct pr_block {
	struct pr_seg_block desc;
	uint64_t offset; /* of its descriptor in the file */
	const uint8_t *raw; /* desc.raw_size bytes; borrowed, valid until the next call on the reader or writer */
};

/* ---- one envelope and its frame --------------------------------------------------------------------------------- */

struct pr_frame {
	uint64_t seq; /* number in the trace, from 0; of a META or CONT envelope: that of the counted frame to come / before */
	uint16_t cpu;
	uint8_t stream;
	uint8_t env_flags; /* PR_ENV_* */
	uint64_t env_seq; /* per (cpu, stream) */
	const uint8_t *data; /* the frame, common header first (unless PR_ENV_RAW); borrowed from the block */
	uint32_t size; /* bytes at data */
	uint8_t op; /* data[0]; 0 for PR_ENV_RAW */
	uint64_t ktime; /* common.ktime; 0 for PR_ENV_RAW */
	uint64_t block; /* number of its block */
	uint32_t raw_off; /* of its envelope in the block's raw bytes */
};

struct pr_frame_iter {
	const uint8_t *raw;
	uint32_t size, off;
	uint64_t block, next_seq;
	bool damaged; /* set when an envelope passes the end of the block: the rest can't be read */
};

void pr_frame_iter_init(struct pr_frame_iter *it, const struct pr_block *b);
/* The next envelope; false at the end (look at it->damaged). An envelope too small for a frame header is given as PR_ENV_RAW. */
bool pr_frame_iter_next(struct pr_frame_iter *it, struct pr_frame *out);

/* ---- writer ----------------------------------------------------------------------------------------------------- */

struct pr_signer;

struct pr_seg_options {
	struct pr_seg_header header; /* link is computed; version, compat, incompat are set by the writer */
	/*
	 * Signs checkpoints: at the start, at the close, and in pr_seg_writer_sync when the last is checkpoint_ns old. Borrowed; it
	 * must be of header.recording. NULL: the segment is not signed.
	 */
	struct pr_signer *signer;
	uint64_t checkpoint_ns; /* 0: one minute */
	void (*now)(void *ctx_now, uint64_t *out_realtime, uint64_t *out_boottime); /* needed with a signer */
	void *ctx_now;
	bool digest; /* keep the BLAKE2b-512 of the file, for a detached signature: pr_seg_writer_digest */
	int level; /* LZ4: 0 fast, 3..12 high compression */
	bool rearrange; /* encoding 1: a third of the size; `lz4 -dc` then gives rearranged bytes */
	uint32_t block_bytes; /* 0: PR_SEG_BLOCK_TARGET */
	/* Called after each block was written, before the next append. The index is fed from here. A failure is returned to
	 * the caller of the append or flush, after the block was accounted for. May be NULL. */
	int (*on_block)(void *ctx, const struct pr_block *b, struct pr_errinfo *ei);
	void *ctx;
};

struct pr_seg_writer;

/* Writes the header to fd (borrowed, positioned at its start, which must be empty). */
int pr_seg_writer_new(struct pr_seg_writer **out, int fd, const struct pr_seg_options *opt, struct pr_errinfo *ei);

/* Where an unsealed, unsigned segment ends: behind its last whole block. */
struct pr_seg_end {
	struct pr_seg_header header;
	uint64_t blocks, frames, envelopes, raw_bytes, file_bytes;
	uint64_t ktime_min, ktime_max;
	uint8_t link[PR_SEG_LINK]; /* of the last block, or of the header */
};

/*
 * Goes on with a segment whose writer was cut off: fd is positioned at at->file_bytes, its end. opt's header is not looked
 * at, and blocks are rearranged if the segment's are.
 */
int pr_seg_writer_resume(struct pr_seg_writer **out, int fd, const struct pr_seg_options *opt, const struct pr_seg_end *at,
	struct pr_errinfo *ei);

/*
 * Appends n bytes of whole envelopes with their frames. Closes and writes a block whenever one is full. PR_EFORMAT when
 * the bytes are not whole envelopes; nothing of them is then kept.
 */
int pr_seg_writer_append(struct pr_seg_writer *w, const void *p, size_t n, struct pr_errinfo *ei);

/* Appends one frame under a new envelope. */
int pr_seg_writer_frame(struct pr_seg_writer *w, const struct pr_envelope *env, const void *frame, struct pr_errinfo *ei);

/* Writes what is pending as a block ("written": survives kill -9). Nothing pending: nothing happens. */
int pr_seg_writer_flush(struct pr_seg_writer *w, struct pr_errinfo *ei);

/* Flush, and a checkpoint when one is due. */
int pr_seg_writer_tick(struct pr_seg_writer *w, struct pr_errinfo *ei);

/* The same and fdatasync ("committed": survives a power cut). */
int pr_seg_writer_sync(struct pr_seg_writer *w, struct pr_errinfo *ei);

/* Flush and sign what was written so far. Nothing happens without a signer, or when nothing came since the last one. */
int pr_seg_writer_checkpoint(struct pr_seg_writer *w, struct pr_errinfo *ei);

/* True while something that was appended is not signed yet (never without a signer): sync at least once a minute then. */
bool pr_seg_writer_unsigned(const struct pr_seg_writer *w);

/* Flush, closing checkpoint, footer, fdatasync ("sealed"). Nothing may be appended afterwards. */
int pr_seg_writer_seal(struct pr_seg_writer *w, struct pr_errinfo *ei);

/* After seal, with opt.digest: BLAKE2b-512 of the whole file. */
void pr_seg_writer_digest(const struct pr_seg_writer *w, uint8_t out[64]);

struct pr_seg_progress {
	uint64_t blocks, frames, envelopes;
	uint64_t repeat_frames; /* of `frames`, those under PR_ENV_REPEAT */
	uint64_t repeat_bytes; /* of `file_bytes`, the blocks of those */
	uint64_t synced_bytes; /* of file_bytes, what is committed */
	uint64_t checkpoints;
	uint64_t raw_bytes, file_bytes; /* written so far, pending not included */
	uint32_t pending_bytes;
	bool sealed;
	uint8_t link[PR_SEG_LINK]; /* the last */
};
void pr_seg_writer_progress(const struct pr_seg_writer *w, struct pr_seg_progress *out);

/* A segment that was given up before a frame of its own was written: nothing, or only what it repeats, is in it. */
static inline bool pr_seg_is_empty(const struct pr_seg_progress *p)
{
	return !p->sealed && p->frames == p->repeat_frames;
}

void pr_seg_writer_free(struct pr_seg_writer *w); /* without sealing; pending frames are dropped; NULL is allowed */

/* ---- reader ----------------------------------------------------------------------------------------------------- */

struct pr_seg_reader;

/*
 * Reads and checks the header. The reader takes the source over (closed with it, on failure too). PR_EFORMAT: not a
 * segment; PR_EVERSION: needs a feature that this reader lacks, named in the message.
 */
int pr_seg_reader_new(struct pr_seg_reader **out, struct pr_source *src, struct pr_errinfo *ei);
/*
 * The same for n files (at least one) that follow each other, as one: pr_recording_open finds them. Numbers of frames and blocks, and
 * offsets, go on from file to file. name: for messages, copied; NULL: the source's.
 */
int pr_seg_reader_new_list(struct pr_seg_reader **out, struct pr_source **src, size_t n, const char *name, struct pr_errinfo *ei);
void pr_seg_reader_free(struct pr_seg_reader *r);

/* Blocks are decompressed ahead on the pool's threads, which must outlive the reader: the same is read, sooner. NULL: no more. */
void pr_seg_reader_set_pool(struct pr_seg_reader *r, struct pr_pool *pool);

/*
 * The last file may still be written: with _growing(true) what is no good at its very end is not told, since more may come behind it, which
 * _growing(false) takes back. At PR_END: _grow looks at the file again (*out_more: there is more to read, or it was closed; PR_EDATA: it is
 * shorter than what was read); _append adds the file that follows, taken over.
 */
void pr_seg_reader_growing(struct pr_seg_reader *r, bool growing);
bool pr_seg_reader_is_growing(const struct pr_seg_reader *r);
int pr_seg_reader_grow(struct pr_seg_reader *r, bool *out_more, struct pr_errinfo *ei);
int pr_seg_reader_append(struct pr_seg_reader *r, struct pr_source *src, struct pr_errinfo *ei);
/* From here on only forward: files are closed when they were read, and must not be gone back to. */
void pr_seg_reader_forward(struct pr_seg_reader *r);
/* The last file, whatever was read: its header, whether it is closed, and who has claimed it. */
const struct pr_seg_header *pr_seg_reader_last_header(const struct pr_seg_reader *r);
const char *pr_seg_reader_last_name(const struct pr_seg_reader *r);
enum pr_file_writer pr_seg_reader_writer(const struct pr_seg_reader *r);

/* Of the first file. */
const struct pr_seg_header *pr_seg_reader_header(const struct pr_seg_reader *r);
const char *pr_seg_reader_name(const struct pr_seg_reader *r);

size_t pr_seg_reader_segments(const struct pr_seg_reader *r); /* how many files it is made of */

struct pr_seg_damage;

/* One of them. Borrowed. */
struct pr_seg_member {
	const struct pr_seg_header *header;
	const char *name; /* of the file */
	uint64_t offset, block; /* of its first ones, in the whole */
	uint64_t frame; /* likewise: of the first behind those that it repeats */
	uint64_t repeat; /* frames at its beginning that only repeat what the one before holds: passed over */
	const struct pr_seg_damage *before; /* what is missing between it and the one before, or before the first; NULL: nothing */
	struct pr_source *source; /* for readers of it alone: pr_source_borrow */
	bool sealed;
	uint8_t link[PR_SEG_LINK]; /* sealed: of its footer */
};
void pr_seg_reader_member(const struct pr_seg_reader *r, size_t i, struct pr_seg_member *out);

/*
 * Files that belong before the first or behind the last can't be read: each is damage at its place, of unknown size. Begins at the front again.
 * No index of these files alone knows of them (pr_seg_reader_has_unreadable).
 */
void pr_seg_reader_set_unreadable(struct pr_seg_reader *r, bool before, bool behind);
bool pr_seg_reader_has_unreadable(const struct pr_seg_reader *r);

/* The footer where the (last) file ends in a good one (found from the end, O(1)); NULL: the end is open. Sums are over all files. */
const struct pr_seg_footer *pr_seg_reader_footer(const struct pr_seg_reader *r);

/* What could not be read, or is not there, between two good blocks or behind the last. */
struct pr_seg_damage {
	uint64_t from, to; /* bytes of the file */
	uint64_t frames; /* counted frames lost, as far as the blocks around tell */
	bool frames_known;
	uint64_t ktime_from, ktime_to; /* time that may be affected: of the blocks around; 0 and UINT64_MAX where open */
	bool missing; /* no byte is bad; something that belongs at `from` is not there */
	const char *why;
};

/*
 * The next block in file order, checked: descriptor CRC, LZ4 checksums, chain link. Returns 0; PR_END behind the last block;
 * PR_EDATA with *out_damage filled when bytes had to be skipped: call again to go on behind them; PR_EIO. An incomplete last
 * block of an open segment is not damage: see pr_seg_reader_tail.
 */
int pr_seg_reader_next(struct pr_seg_reader *r, struct pr_block *out, struct pr_seg_damage *out_damage, struct pr_errinfo *ei);

/* Who to tell, block by block, how many bytes of all files were read; m is borrowed, NULL: nobody. */
void pr_seg_reader_set_meter(struct pr_seg_reader *r, const struct pr_meter *m);

/* Called for each good record that is neither block nor footer, in order, by _next. Non-zero ends the reading with that code. */
void pr_seg_reader_on_record(
	struct pr_seg_reader *r, int (*fn)(void *ctx, const uint8_t *rec, size_t size, uint64_t offset), void *ctx);

/* After PR_END: bytes behind the last whole block that are the beginning of one (0 for a sealed segment). */
uint64_t pr_seg_reader_tail(const struct pr_seg_reader *r);

/* The block whose descriptor is at `offset`, checked as above but for the chain. Does not move the sequential position. */
int pr_seg_reader_at(struct pr_seg_reader *r, uint64_t offset, struct pr_block *out, struct pr_errinfo *ei);

/* Sequential reading goes on at `offset` (of a descriptor), expecting this link before it. */
void pr_seg_reader_seek(struct pr_seg_reader *r, uint64_t offset, const uint8_t prev_link[PR_SEG_LINK], uint64_t frames_before);
void pr_seg_reader_rewind(struct pr_seg_reader *r);

/* ---- codec of the records, for the reader, the writer and tests ------------------------------------------- */

void pr_seg_header_encode(struct pr_seg_header *h, uint8_t out[PR_SEG_HEADER_SIZE]); /* fills h->link */
int pr_seg_header_decode(struct pr_seg_header *out, const uint8_t *p, size_t n, const char *name, struct pr_errinfo *ei);
/*
 * Any record but the header: begins with magic number, size and tag, has the uuid's beginning at 72 and the previous link at 80;
 * ends in its link, 4 bytes 0 and the CRC. False when p (n bytes at hand) is none of this segment. Does not check the link.
 */
bool pr_seg_record_decode(const uint8_t *p, size_t n, const uint8_t uuid[PR_SEG_UUID], uint32_t *out_size);
/* Of a record that has no bytes behind it. */
bool pr_seg_record_link_ok(const uint8_t *p, size_t size);
/* Fills magic number, size, tag, uuid and previous link. The fields between are the caller's; then _finish: link and CRC. */
void pr_seg_record_begin(uint8_t *p, size_t size, const char *tag, const uint8_t uuid[PR_SEG_UUID], const uint8_t prev[PR_SEG_LINK]);
void pr_seg_record_finish(uint8_t *p, size_t size, uint8_t out_link[PR_SEG_LINK]);
static inline const uint8_t *pr_seg_record_prev(const uint8_t *p)
{
	return p + 80;
}
static inline const uint8_t *pr_seg_record_link(const uint8_t *p, size_t size)
{
	return p + size - 40;
}
/* lz4: the bytes of the LZ4 frame; fills d->link from d->prev. */
void pr_seg_block_encode(
	struct pr_seg_block *d, const uint8_t *lz4, const uint8_t uuid[PR_SEG_UUID], uint8_t out[PR_SEG_BLOCK_SIZE]);
/* False when p is not a whole descriptor of this segment (tag, uuid, CRC, limits). Does not check the link. */
bool pr_seg_block_decode(struct pr_seg_block *out, const uint8_t p[PR_SEG_BLOCK_SIZE], const uint8_t uuid[PR_SEG_UUID]);
bool pr_seg_block_link_ok(const struct pr_seg_block *d, const uint8_t p[PR_SEG_BLOCK_SIZE], const uint8_t *lz4);
void pr_seg_footer_encode(struct pr_seg_footer *f, const uint8_t uuid[PR_SEG_UUID], uint8_t out[PR_SEG_FOOTER_SIZE]);
bool pr_seg_footer_decode(struct pr_seg_footer *out, const uint8_t p[PR_SEG_FOOTER_SIZE], const uint8_t uuid[PR_SEG_UUID]);

#endif
