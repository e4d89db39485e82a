/* SPDX-License-Identifier: MIT */
#include "pgwire/message.h"

#include "pgwire/startup.h"

/* The server reads a length or a count as signed; what is negative there (but for NULL's -1) is refused here.
 */

static uint16_t be16_at(struct span s, size_t i)
{
	return (uint16_t)((s.p[2 * i] << 8) | s.p[2 * i + 1]);
}

/* (int32 length, bytes)* as Bind, FunctionCall and DataRow hold them. */
static struct span values_take(struct cur *c, unsigned n)
{
	const uint8_t *from = c->p;
	struct span value;

	for (unsigned i = 0; i < n; i++) {
		if (msg_cell_next(c, &value) != WIRE_OK)
			return (struct span){0};
	}
	return c->bad ? (struct span){0} : span_of(from, (size_t)(c->p - from));
}

/* ---- from the frontend ---- */

enum wire msg_query(struct span body, struct msg_query *m)
{
	struct cur c = cur_of(body);

	m->sql = cur_str(&c);
	return cur_end(&c);
}

enum wire msg_parse(struct span body, struct msg_parse *m)
{
	struct cur c = cur_of(body);

	m->name = cur_str(&c);
	m->sql = cur_str(&c);
	m->nparams = cur_be16(&c);
	m->param_types = cur_take(&c, 4 * (size_t)m->nparams);
	return cur_end(&c);
}

/* No format, one for all, or one each; the server refuses the rest too. */
static bool formats_fit(unsigned nformats, unsigned nvalues)
{
	return nformats <= 1 || nformats == nvalues;
}

enum wire msg_bind(struct span body, struct msg_bind *m)
{
	struct cur c = cur_of(body);

	m->portal = cur_str(&c);
	m->statement = cur_str(&c);
	m->nparam_formats = cur_be16(&c);
	m->param_formats = cur_take(&c, 2 * (size_t)m->nparam_formats);
	m->nparams = cur_be16(&c);
	m->params = values_take(&c, m->nparams);
	m->nresult_formats = cur_be16(&c);
	m->result_formats = cur_take(&c, 2 * (size_t)m->nresult_formats);
	if (!formats_fit(m->nparam_formats, m->nparams))
		return WIRE_BAD;
	return cur_end(&c);
}

enum wire msg_target(struct span body, struct msg_target *m)
{
	struct cur c = cur_of(body);

	m->kind = (char)cur_u8(&c);
	m->name = cur_str(&c);
	if (m->kind != 'S' && m->kind != 'P')
		return WIRE_BAD;
	return cur_end(&c);
}

enum wire msg_execute(struct span body, struct msg_execute *m)
{
	struct cur c = cur_of(body);

	m->portal = cur_str(&c);
	m->max_rows = cur_be32(&c);
	/* A negative limit is "all" to the server: nobody above may take it for a bound of two thousand
	 * million. */
	if (m->max_rows > INT32_MAX)
		m->max_rows = 0;
	return cur_end(&c);
}

enum wire msg_function_call(struct span body, uint32_t *oid, struct msg_bind *args)
{
	struct cur c = cur_of(body);

	*oid = cur_be32(&c);
	*args = (struct msg_bind){.nparam_formats = cur_be16(&c)};
	args->param_formats = cur_take(&c, 2 * (size_t)args->nparam_formats);
	args->nparams = cur_be16(&c);
	args->params = values_take(&c, args->nparams);
	args->nresult_formats = 1;
	args->result_formats = cur_take(&c, 2);
	if (!formats_fit(args->nparam_formats, args->nparams))
		return WIRE_BAD;
	return cur_end(&c);
}

enum wire msg_empty(struct span body)
{
	return body.n == 0 ? WIRE_OK : WIRE_BAD;
}

enum wire msg_copy_fail(struct span body)
{
	struct cur c = cur_of(body);

	cur_str(&c);
	return cur_end(&c);
}

int bind_result_format(const struct msg_bind *m, unsigned col, unsigned ncols)
{
	uint16_t format;

	if (col >= ncols || !formats_fit(m->nresult_formats, ncols))
		return -1;
	if (m->result_formats.n != 2 * (size_t)m->nresult_formats)
		return -1;
	if (m->nresult_formats == 0)
		return 0;
	format = be16_at(m->result_formats, m->nresult_formats == 1 ? 0 : col);
	return format <= 1 ? format : -1;
}

/* ---- from the backend ---- */

/* The count in front of columns or cells; a failure sticks to *c, so that nothing can be read after it. */
static enum wire columns_start(struct span body, struct cur *c, uint16_t *n)
{
	*c = cur_of(body);
	*n = cur_be16(c);
	if (c->bad || *n > MESSAGE_COLUMNS_MAX) {
		c->bad = true;
		*n = 0;
		return WIRE_BAD;
	}
	return WIRE_OK;
}

enum wire msg_row_description(struct span body, struct cur *c, uint16_t *ncols)
{
	return columns_start(body, c, ncols);
}

enum wire msg_column_next(struct cur *c, struct msg_column *col)
{
	col->name = cur_str(c);
	col->table_oid = cur_be32(c);
	col->attnum = (int16_t)cur_be16(c);
	col->type_oid = cur_be32(c);
	col->type_len = (int16_t)cur_be16(c);
	col->typmod = (int32_t)cur_be32(c);
	col->format = (int16_t)cur_be16(c);
	if (col->format != 0 && col->format != 1)
		c->bad = true;
	return c->bad ? WIRE_BAD : WIRE_OK;
}

enum wire msg_data_row(struct span body, struct cur *c, uint16_t *ncells)
{
	return columns_start(body, c, ncells);
}

enum wire msg_parameter_status(struct span body, struct msg_parameter_status *m)
{
	struct cur c = cur_of(body);

	m->name = cur_str(&c);
	m->value = cur_str(&c);
	return cur_end(&c);
}

enum wire msg_key_data(struct span body, struct msg_key_data *m)
{
	struct cur c = cur_of(body);

	m->pid = cur_be32(&c);
	m->key = cur_rest(&c);
	if (m->key.n < CANCEL_KEY_MIN || m->key.n > CANCEL_KEY_MAX)
		return WIRE_BAD;
	return cur_end(&c);
}

enum wire msg_notification(struct span body, struct msg_notification *m)
{
	struct cur c = cur_of(body);

	m->pid = cur_be32(&c);
	m->channel = cur_str(&c);
	m->payload = cur_str(&c);
	return cur_end(&c);
}

enum wire msg_copy_response(struct span body, struct msg_copy_response *m)
{
	struct cur c = cur_of(body);

	m->format = cur_u8(&c);
	m->ncols = cur_be16(&c);
	m->formats = cur_take(&c, 2 * (size_t)m->ncols);
	if (cur_end(&c) != WIRE_OK || m->format > 1 || m->ncols > MESSAGE_COLUMNS_MAX)
		return WIRE_BAD;
	/* "All must be zero if the overall copy format is textual." */
	for (unsigned i = 0; i < m->ncols; i++) {
		if (be16_at(m->formats, i) > m->format)
			return WIRE_BAD;
	}
	return WIRE_OK;
}

enum wire msg_command_complete(struct span body, struct span *tag)
{
	struct cur c = cur_of(body);

	*tag = cur_str(&c);
	return cur_end(&c);
}

enum wire msg_ready(struct span body, char *status)
{
	struct cur c = cur_of(body);

	*status = (char)cur_u8(&c);
	if (*status != 'I' && *status != 'T' && *status != 'E')
		return WIRE_BAD;
	return cur_end(&c);
}

enum wire msg_parameter_description(struct span body, uint16_t *nparams, struct span *oids)
{
	struct cur c = cur_of(body);

	*nparams = cur_be16(&c);
	*oids = cur_take(&c, 4 * (size_t)*nparams);
	return cur_end(&c);
}

enum wire msg_negotiate(struct span body, uint32_t *minor, uint32_t *nunknown, struct span *names)
{
	struct cur c = cur_of(body);
	uint32_t version = cur_be32(&c);

	*nunknown = cur_be32(&c);
	*names = cur_rest(&c);
	/* The documentation says "minor version"; every server sends the whole protocol number. */
	if (version >> 16 != 0 && version >> 16 != PROTOCOL_3_0 >> 16)
		return WIRE_BAD;
	*minor = version & 0xffff;
	if (c.bad)
		return WIRE_BAD;
	c = cur_of(*names);
	for (uint32_t i = 0; i < *nunknown && !c.bad; i++) {
		if (cur_str(&c).n == 0)
			c.bad = true;
	}
	return cur_end(&c);
}

enum wire msg_function_result(struct span body, struct span *value)
{
	struct cur c = cur_of(body);

	if (msg_cell_next(&c, value) != WIRE_OK)
		return WIRE_BAD;
	return cur_end(&c);
}

enum wire msg_fields(struct span body, struct msg_fields *m)
{
	struct cur c = cur_of(body);
	uint8_t code;

	*m = (struct msg_fields){0};
	while ((code = cur_u8(&c)) != 0) {
		if (code >= ARRAY_LEN(m->field) || m->field[code].p)
			return WIRE_BAD;
		m->field[code] = cur_str(&c);
	}
	return cur_end(&c);
}

/* AuthenticationSASL: names, each ended by a NUL, and one NUL more. */
static enum wire mechanisms_check(struct span list)
{
	struct cur c = cur_of(list);

	while (cur_str(&c).n != 0)
		;
	return list.n > 1 ? cur_end(&c) : WIRE_BAD;
}

enum wire msg_auth(struct span body, struct msg_auth *m)
{
	struct cur c = cur_of(body);

	m->kind = cur_be32(&c);
	m->data = cur_rest(&c);
	if (cur_end(&c) != WIRE_OK)
		return WIRE_BAD;
	if (m->kind == AUTH_OK || m->kind == AUTH_CLEARTEXT)
		return msg_empty(m->data);
	if (m->kind == AUTH_MD5)
		return m->data.n == 4 ? WIRE_OK : WIRE_BAD;
	if (m->kind == AUTH_SASL)
		return mechanisms_check(m->data);
	return WIRE_OK;
}
