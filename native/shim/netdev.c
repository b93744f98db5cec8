// linux.netDevices: a network device of ours goes into the container's network namespace, with its addresses, and up (rtnetlink(7));
// and comes back when the container cannot be made after all: the kernel would take a virtual one away with the namespace.
#include "shim.h"
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 32 * 1024, MAX_ADDRESSES = 256, MESSAGE = 512 };

struct request {
  struct nlmsghdr header;
  char body[MESSAGE];
};

static void begin(struct request *request, uint16_t type, uint16_t flags, const void *body, size_t size) {
  memset(request, 0, sizeof *request);
  request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
  request->header.nlmsg_type = type;
  request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  memcpy(NLMSG_DATA(&request->header), body, size);
}

static void add(struct request *request, uint16_t type, const void *data, size_t size) {
  struct rtattr *attribute = (struct rtattr *)((char *)&request->header + NLMSG_ALIGN(request->header.nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(size);
  memcpy(RTA_DATA(attribute), data, size);
  request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_ALIGN(attribute->rta_len);
}

/// Sends it and waits for the kernel's answer: 0 or -errno.
static int64_t transact(int socket, struct request *request) {
  request->header.nlmsg_flags |= NLM_F_ACK;
  if (send(socket, request, request->header.nlmsg_len, 0) < 0) return -errno;
  char answer[4096];
  ssize_t size = recv(socket, answer, sizeof answer, 0);
  if (size < 0) return -errno;
  const struct nlmsghdr *header = (const void *)answer;
  if ((size_t)size < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR) return -EPROTO;
  return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}

static int open_netlink(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  return fd < 0 ? -errno : fd;
}

/// Permanent global addresses of the device, as requests to make them again (without the index): their number or -errno.
static int64_t read_addresses(int socket, unsigned index, struct request *found) {
  struct request request;
  struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
  begin(&request, RTM_GETADDR, NLM_F_DUMP, &all, sizeof all);
  if (send(socket, &request, request.header.nlmsg_len, 0) < 0) return -errno;
  int64_t count = 0;
  static char buffer[BUFFER];
  for (;;) {
    ssize_t size = recv(socket, buffer, sizeof buffer, 0);
    if (size < 0) return -errno;
    unsigned left = (unsigned)size;
    for (const struct nlmsghdr *header = (const void *)buffer; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) return count;
      if (header->nlmsg_type == NLMSG_ERROR) return -EPROTO;
      struct ifaddrmsg address;
      memcpy(&address, NLMSG_DATA(header), sizeof address);
      if (address.ifa_index != index || address.ifa_scope != RT_SCOPE_UNIVERSE || !(address.ifa_flags & IFA_F_PERMANENT)) continue;
      if (count == MAX_ADDRESSES) return -E2BIG;
      address.ifa_index = 0;
      begin(&found[count], RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &address, sizeof address);
      unsigned rest = (unsigned)IFA_PAYLOAD(header);
      for (struct rtattr *a = IFA_RTA((struct ifaddrmsg *)NLMSG_DATA(header)); RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
        // Not the label, which names the device, nor how long it lives: it is permanent.
        bool is_kept = a->rta_type == IFA_ADDRESS || a->rta_type == IFA_LOCAL || a->rta_type == IFA_BROADCAST || a->rta_type == IFA_FLAGS;
        if (is_kept && found[count].header.nlmsg_len + RTA_SPACE(RTA_PAYLOAD(a)) <= sizeof(struct request))
          add(&found[count], a->rta_type, RTA_DATA(a), RTA_PAYLOAD(a));
      }
      count++;
    }
  }
}

static int64_t move(int socket, unsigned index, const char *name, int netns) {
  struct request request;
  struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index};
  begin(&request, RTM_NEWLINK, 0, &link, sizeof link);
  add(&request, IFLA_NET_NS_FD, &netns, sizeof netns);
  add(&request, IFLA_IFNAME, name, strlen(name) + 1);
  return transact(socket, &request);
}

/// The addresses again, and up.
static int64_t set_up(int socket, unsigned index, struct request *addresses, int64_t count, bool is_up) {
  int64_t result = 0;
  for (int64_t i = 0; i < count && result == 0; i++) {
    ((struct ifaddrmsg *)NLMSG_DATA(&addresses[i].header))->ifa_index = index;
    result = transact(socket, &addresses[i]);
  }
  if (result < 0 || !is_up) return result;
  struct request request;
  struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  begin(&request, RTM_NEWLINK, 0, &link, sizeof link);
  return transact(socket, &request);
}

/// Index of a device that is there now and was not before; 0 when there is none. The kernel has picked its name ("%d").
static unsigned new_index(const struct if_nameindex *before) {
  struct if_nameindex *now = if_nameindex();
  unsigned found = 0;
  for (size_t i = 0; now && now[i].if_index; i++) {
    bool known = false;
    for (size_t j = 0; before && before[j].if_index; j++) known |= before[j].if_index == now[i].if_index;
    if (!known) found = now[i].if_index;
  }
  if (now) if_freenameindex(now);
  return found;
}

/// A network namespace and a socket in it.
struct side {
  int ns, socket;
};

/// Enters the namespace.
static int64_t open_side(struct side *side, int ns) {
  side->ns = ns;
  side->socket = ns < 0 || setns(ns, CLONE_NEWNET) < 0 ? -errno : open_netlink();
  return side->socket;
}

/// Whether the device of the present namespace is up: 0, 1 or -errno.
static int64_t is_device_up(const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int64_t result = ioctl(fd, SIOCGIFFLAGS, &request) < 0 ? -errno : (request.ifr_flags & IFF_UP) != 0;
  close(fd);
  return result;
}

/// Moves the device, and enters the namespace that it goes to: its index there (also in `moved`, when it has come so far) or -errno.
static int64_t carry(const struct side *from, const struct side *to, unsigned index, const char *name, bool is_up, unsigned *moved) {
  static struct request addresses[MAX_ADDRESSES];
  int64_t count = read_addresses(from->socket, index, addresses);
  if (count < 0) return count;
  if (setns(to->ns, CLONE_NEWNET) < 0) return -errno;
  if (!strchr(name, '%') && if_nametoindex(name) != 0) return -EEXIST;
  struct if_nameindex *before = if_nameindex();
  int64_t result = move(from->socket, index, name, to->ns);
  *moved = result < 0 ? 0 : new_index(before);
  if (before) if_freenameindex(before);
  if (result < 0) return result;
  if (*moved == 0) return -ENODEV;
  result = set_up(to->socket, *moved, addresses, count, is_up);
  return result < 0 ? result : *moved;
}

static void close_all(int home, const struct side *ours, const struct side *theirs) {
  if (home >= 0) setns(home, CLONE_NEWNET);
  if (home >= 0) close(home);
  if (ours->socket >= 0) close(ours->socket);
  if (theirs->socket >= 0) close(theirs->socket);
}

int64_t tsr_move_netdev(const char *name, const char *new_name, int64_t ns) {
  if (strlen(new_name) >= IFNAMSIZ) return -ENAMETOOLONG;
  unsigned index = if_nametoindex(name), moved = 0;
  if (index == 0) return -ENODEV;
  int64_t was_up = is_device_up(name);
  if (was_up < 0) return was_up;
  int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  struct side ours = {-1, -1}, theirs = {-1, -1};
  int64_t result = open_side(&ours, home);
  if (result >= 0) result = open_side(&theirs, (int)ns);
  if (result >= 0) result = carry(&ours, &theirs, index, new_name, true, &moved);
  // It is there without all that it had: back, as it was.
  if (result < 0 && moved > 0) carry(&theirs, &ours, moved, name, was_up, &moved);
  close_all(home, &ours, &theirs);
  set_out(0, was_up);
  return result;
}

int64_t tsr_return_netdev(int64_t index, const char *name, int64_t is_up, int64_t ns) {
  unsigned moved = 0;
  int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  struct side ours = {-1, -1}, theirs = {-1, -1};
  int64_t result = open_side(&ours, home);
  if (result >= 0) result = open_side(&theirs, (int)ns);
  if (result >= 0) result = carry(&theirs, &ours, (unsigned)index, name, is_up, &moved);
  close_all(home, &ours, &theirs);
  return result < 0 ? result : 0;
}
