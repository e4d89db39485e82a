/* SPDX-License-Identifier: MIT */
/* What a policy says, as a number: of the words of its documents with their variables filled in, and not of
 * blanks, comments or where the files are. */
#include "policy/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

static bool add_text(EVP_MD_CTX *c, const char *text)
{
	return EVP_DigestUpdate(c, text ? text : "", text ? strlen(text) + 1 : 1) == 1;
}

/* The depth of a document is bounded where it is read. */
static bool add_nodes(EVP_MD_CTX *c, const struct node *n)
{
	static const char kinds[] = {[NODE_SCALAR] = 's', [NODE_MAP] = 'm', [NODE_LIST] = 'l'};

	for (; n; n = n->next) {
		if (EVP_DigestUpdate(c, &kinds[n->kind], 1) != 1 || !add_text(c, n->plain ? "" : "'") ||
			!add_text(c, n->key) || !add_text(c, n->kind == NODE_SCALAR ? n->text : NULL) ||
			!add_nodes(c, n->child) || EVP_DigestUpdate(c, ".", 1) != 1)
			return false;
	}
	return true;
}

int digest_add(uint8_t digest[static DIGEST_LEN], const struct node *documents)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(c, digest, DIGEST_LEN) == 1 && add_nodes(c, documents) &&
		  EVP_DigestFinal_ex(c, digest, NULL) == 1;

	EVP_MD_CTX_free(c);
	return ok ? 0 : -ENOMEM;
}
