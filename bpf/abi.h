/* SPDX-License-Identifier: MIT */
/* abi: everything the BPF programs and the daemon tell each other. The one header both sides include:
 * fixed-width members, explicit padding, no helpers, no maps. Ports are in host order and IPv4 addresses are
 * IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), so that `bpftool map dump` reads like a table. */
#ifndef PGVEIL_BPF_ABI_H
#define PGVEIL_BPF_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Raised when a pinned map's layout or meaning changes; a daemon adopts only pins of its own version. */
#define PGVEIL_ABI_VERSION 2

/* What a cgroup under the guarded root may do with a database. A cgroup without an entry takes its nearest
 * ancestor's; none at all is UNKNOWN. X(name, value, word) */
#define CGROUP_STATES(X)                                                                                     \
	X(UNKNOWN, 0, "unknown")   /* not classified yet: database connects are refused */                   \
	X(EXEMPT, 1, "exempt")     /* left alone */                                                          \
	X(ENROLLED, 2, "enrolled") /* database connects go to the engine */                                  \
	X(DENIED, 3, "denied")     /* classified, never allowed */
#define X(name, value, word) CGROUP_##name = value,
enum cgroup_state { CGROUP_STATES(X) };
#undef X

/* What becomes of PostgreSQL's first bytes on a port that is not captured. X(name, value, word) */
#define FOREIGN_POSTGRES(X)                                                                                  \
	X(DENY, 0, "deny")                                                                                   \
	X(REPORT, 1, "report")
#define X(name, value, word) FOREIGN_##name = value,
enum foreign_postgres { FOREIGN_POSTGRES(X) };
#undef X

/* Why a program refused, or a helper failed; one per-CPU counter each. X(name, word) */
#define COUNTERS(X)                                                                                          \
	X(CAPTURED, "captured")               /* connects turned to the engine */                            \
	X(REFUSED_UNKNOWN, "refused_unknown") /* cgroup not classified */                                    \
	X(REFUSED_DENIED, "refused_denied")                                                                  \
	X(REFUSED_NO_BIRTH, "refused_no_birth")       /* socket has no record of its creation */             \
	X(REFUSED_NO_LISTENER, "refused_no_listener") /* no engine in this network namespace */              \
	X(FLOW_INSERT_FAILED, "flow_insert_failed")   /* the engine will close the connection */             \
	X(STORAGE_FAILED, "storage_failed")                                                                  \
	X(REFUSED_RAW, "refused_raw")               /* a raw socket that is not ICMP's was not made */       \
	X(REFUSED_MPTCP, "refused_mptcp")           /* told to take TCP */                                   \
	X(DROPPED_DATABASE, "dropped_database")     /* packets to a captured port, past the engine */        \
	X(DROPPED_RAW, "dropped_raw")               /* packets other than ICMP from a raw socket */          \
	X(DROPPED_UNREADABLE, "dropped_unreadable") /* packets that may be TCP to any port */                \
	X(REFUSED_QUOTA, "refused_quota")           /* this subject has as many connections as it may */     \
	X(REFUSED_FULL, "refused_full")             /* all together have: the flow table is full */          \
	X(FOREIGN_DENIED, "foreign_denied")         /* connections: PostgreSQL on another port */            \
	X(FOREIGN_OPAQUE, "foreign_opaque")         /* connections that begin so that it may be */           \
	X(FOREIGN_REPORTED, "foreign_reported")     /* either, where the policy only wants to know */        \
	X(DROPPED_GAP, "dropped_gap")               /* packets whose forerunners were not seen */            \
	X(REFUSED_UNIX_TYPE, "refused_unix_type")   /* a database's socket, and not a stream */              \
	X(REFUSED_UNIX_REACH, "refused_unix_reach") /* a database's socket, past the engine */               \
	X(REFUSED_UNIX_SHARE, "refused_unix_share") /* too many dials of that subject wait */                \
	X(UNIX_FLOW_FAILED, "unix_flow_failed")     /* table full, or the address cannot be set */
#define X(name, word) COUNTER_##name,
enum counter { COUNTERS(X) COUNTER_MAX };
#undef X

/* Key of `flows`: the redirected connection as the application's side sees it after the redirect. */
struct flow_key {
	__u64 netns_cookie;
	__u8 local_ip[16];  /* the application's address */
	__u8 remote_ip[16]; /* the listener's */
	__u16 local_port;
	__u16 remote_port;
	__u32 pad;
};

/* Entries of `flows`. The last are kept for connects that were let through at the same moment on every CPU.
 */
#define FLOWS_MAX    65536
#define FLOWS_USABLE (FLOWS_MAX - 1024)

enum flow_state { FLOW_PENDING = 0, FLOW_CLAIMED = 1 };

/* Who dialled, and where to. Identity is what it was when the socket was created. */
struct flow_value {
	__u64 cgroup_id;         /* of the process that created the socket */
	__u64 subject_cgroup_id; /* its nearest ancestor (or itself) that has a state; 0: enrolled by uid */
	__u64 socket_cookie;
	__u64 since_ns; /* bpf_ktime_get_ns, CLOCK_MONOTONIC */
	__u32 tgid;
	__u32 uid;
	__u8 dialled_ip[16];
	__u16 dialled_port;
	__u16 pad;
	__u32 state; /* enum flow_state; the engine claims a flow once */
	char comm[16];
};

/* Key of `quotas`: the subject of flows. */
struct quota_key {
	__u64 subject_cgroup_id; /* 0: enrolled by uid */
	__u32 uid;               /* 0 where there is a cgroup */
	__u32 pad;
};

struct quota_value {
	__u64 flows; /* entries of `flows` that are this subject's */
};

struct cgroup_value {
	__u32 state;   /* enum cgroup_state */
	__u32 foreign; /* enum foreign_postgres, where ENROLLED */
};

/* Listeners of the engine in one network namespace (key: netns cookie); port 0: none for that family. */
struct listener_value {
	__u16 port4; /* on 127.0.0.1 */
	__u16 port6; /* on ::1 */
	__u32 pad;
};

#define UNIX_NAME_MAX 108 /* sun_path */

/* The address of a unix socket; a first byte of zero: an abstract one. Behind len it is zero. */
struct unix_name {
	__u16 len; /* 0: none */
	__u16 pad;
	char bytes[UNIX_NAME_MAX];
};

/* Value of `unix_flows`, by the cookie of the application's socket: as struct flow_value. */
struct unix_flow_value {
	__u64 cgroup_id;
	__u64 subject_cgroup_id;
	__u64 netns_cookie;
	__u64 since_ns;
	__u32 tgid;
	__u32 uid;
	__u32 state; /* enum flow_state */
	__u32 pad;
	char comm[16];
	struct unix_name dialled;
};

#define UNIX_LISTENER_NAME 32

/* The engine's unix listener in one network namespace (key: netns cookie): an abstract name. */
struct unix_listener_value {
	char name[UNIX_LISTENER_NAME]; /* the first byte is zero */
};

/* `unix_shares` counts the records of subjects, by a hash of their ids: no subject can fill the table. */
#define UNIX_SHARES    1024
#define UNIX_SHARE_MAX 8192
#define UNIX_FLOWS_MAX 65536

/* The only entry of `config`: what these pins are. */
struct config_value {
	__u32 abi_version;    /* PGVEIL_ABI_VERSION; 0: whoever made the pins did not finish */
	__u32 flow_quota;     /* flows that one subject may have */
	__u64 root_cgroup_id; /* the guarded root */
};

/* One refusal, for `pgveil events` and the log. */
struct refusal_event {
	__u64 at_ns;
	__u64 cgroup_id;
	__u64 netns_cookie;  /* 0: not known */
	__u64 socket_cookie; /* 0: a socket that was not made, or not connected */
	__u32 tgid;          /* 0: not known, the socket is older than the programs */
	__u32 uid;
	__u32 counter; /* enum counter */
	__u16 dialled_port;
	__u16 pad;
	__u8 dialled_ip[16];
	char comm[16];
	struct unix_name dialled_name; /* of a unix socket: dialled_ip and dialled_port are zero then */
};

_Static_assert(sizeof(struct flow_key) == 48, "no hidden padding in a map key");
_Static_assert(sizeof(struct flow_value) == 80, "no hidden padding in a map value");
_Static_assert(sizeof(struct quota_key) == 16, "no hidden padding in a map key");
_Static_assert(sizeof(struct cgroup_value) == 8, "no hidden padding in a map value");
_Static_assert(sizeof(struct listener_value) == 8, "no hidden padding in a map value");
_Static_assert(sizeof(struct config_value) == 16, "no hidden padding in a map value");
_Static_assert(sizeof(struct unix_flow_value) == 176, "no hidden padding in a map value");
_Static_assert(sizeof(struct unix_listener_value) == 32, "no hidden padding in a map value");
_Static_assert(sizeof(struct refusal_event) == 192, "no hidden padding in an event");

#endif
