/* SPDX-License-Identifier: MIT */
/* Walks by the messages' own descriptors, so that no field of a node is forgotten. */
#include "sql/same_tree.h"

#include <string.h>

struct pair {
	enum same (*ask)(void *arg, const ProtobufCMessage *x, const ProtobufCMessage *y);
	void *arg;
};

static bool messages(const struct pair *p, const ProtobufCMessage *x, const ProtobufCMessage *y);

static bool is_place(const char *name)
{
	return !strcmp(name, "location") || !strcmp(name, "stmt_location") || !strcmp(name, "stmt_len");
}

static bool texts(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static bool bytes(const ProtobufCBinaryData *x, const ProtobufCBinaryData *y)
{
	return x->len == y->len && (!x->len || !memcmp(x->data, y->data, x->len));
}

static size_t width(ProtobufCType t)
{
	switch (t) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM: return 4;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE: return 8;
	case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
	}
	return 0;
}

static bool values(const struct pair *p, ProtobufCType t, const void *x, const void *y)
{
	if (t == PROTOBUF_C_TYPE_MESSAGE)
		return messages(p, *(const ProtobufCMessage *const *)x, *(const ProtobufCMessage *const *)y);
	if (t == PROTOBUF_C_TYPE_STRING)
		return texts(*(const char *const *)x, *(const char *const *)y);
	if (t == PROTOBUF_C_TYPE_BYTES)
		return bytes(x, y);
	return width(t) && !memcmp(x, y, width(t));
}

static bool lists(const struct pair *p, const ProtobufCFieldDescriptor *f, const uint8_t *x, const uint8_t *y)
{
	size_t n = *(const size_t *)(const void *)(x + f->quantifier_offset), size = width(f->type);
	const uint8_t *v = *(const uint8_t *const *)(const void *)(x + f->offset);
	const uint8_t *w = *(const uint8_t *const *)(const void *)(y + f->offset);

	if (n != *(const size_t *)(const void *)(y + f->quantifier_offset))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!values(p, f->type, v + i * size, w + i * size))
			return false;
	return true;
}

/* Of a oneof, only the member that is there is read. */
static bool fields(
	const struct pair *p, const ProtobufCFieldDescriptor *f, const uint8_t *x, const uint8_t *y)
{
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		uint32_t which = *(const uint32_t *)(const void *)(x + f->quantifier_offset);

		if (which != *(const uint32_t *)(const void *)(y + f->quantifier_offset))
			return false;
		if (which != f->id)
			return true;
	}
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return lists(p, f, x, y);
	if (f->type == PROTOBUF_C_TYPE_INT32 && is_place(f->name))
		return true;
	return values(p, f->type, x + f->offset, y + f->offset);
}

static bool messages(const struct pair *p, const ProtobufCMessage *x, const ProtobufCMessage *y)
{
	enum same said;

	if (!x || !y)
		return x == y;
	said = p->ask ? p->ask(p->arg, x, y) : SAME_LOOK;
	if (said != SAME_LOOK)
		return said == SAME_YES;
	if (x->descriptor != y->descriptor)
		return false;
	for (unsigned i = 0; i < x->descriptor->n_fields; i++)
		if (!fields(p, &x->descriptor->fields[i], (const uint8_t *)x, (const uint8_t *)y))
			return false;
	return true;
}

bool same_tree(const ProtobufCMessage *x, const ProtobufCMessage *y,
	enum same (*ask)(void *arg, const ProtobufCMessage *x, const ProtobufCMessage *y), void *arg)
{
	const struct pair p = {ask, arg};

	return messages(&p, x, y);
}
