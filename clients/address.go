package clients

import (
	"fmt"
	"net/netip"
	"syscall"
)

// refusedAddress says that a connection was not made because of where it would lead.
type refusedAddress struct {
	address netip.Addr
	why     string
}

func (e *refusedAddress) Error() string {
	return fmt.Sprintf("connections to %s are refused (%s); allow the address in the source's configuration if it is meant", e.address, e.why)
}

// doors decides which addresses connections may be made to. It is asked after names are resolved, so a name that changes its address between a
// check and the connection gains nothing.
//
// Private ranges are open to what an operator configured, as GitHub Enterprise, GitLab and Jenkins live there; they are closed to addresses
// that an upstream names, such as where a redirect leads.
type doors struct {
	allow   []netip.Prefix // open whatever else is said
	private bool           // private ranges are open
}

// closedPrefixes are never connected to unless they are allowed.
var closedPrefixes = []struct {
	prefix netip.Prefix
	why    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds keep their metadata"},
	{netip.MustParsePrefix("100.100.100.200/32"), "metadata of Alibaba Cloud"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the platform of Azure"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignments, among them metadata of Oracle Cloud"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a relay of 6to4"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved, or broadcast"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "metadata of AWS"},
	{netip.MustParsePrefix("fd20:ce::254/128"), "metadata of Google Cloud"},
	{netip.MustParsePrefix("fd00:42::42/128"), "metadata of Scaleway"},
	{netip.MustParsePrefix("100::/64"), "discarded"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
}

// privatePrefixes are connected to where an operator configured it.
var privatePrefixes = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("fc00::/7"),
}

// carriers are IPv6 ranges that hold an IPv4 address, and at which byte. What such an address leads to is the IPv4 address.
var carriers = []struct {
	prefix netip.Prefix
	at     int
	flip   byte // Teredo writes the address with its bits inverted
}{
	{netip.MustParsePrefix("::/96"), 12, 0},                 // IPv4-compatible
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12, 0},       // IPv4-translated
	{netip.MustParsePrefix("64:ff9b::/96"), 12, 0},          // NAT64
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12, 0},        // NAT64 of one's own, with the usual length of 96
	{netip.MustParsePrefix("2002::/16"), 2, 0},              // 6to4
	{netip.MustParsePrefix("2001::/32"), 12, 0xff},          // Teredo
	{netip.MustParsePrefix("::5efe:0:0/96"), 12, 0},         // ISATAP
	{netip.MustParsePrefix("::200:5efe:0:0/96"), 12, 0},     // ISATAP
	{netip.MustParsePrefix("fe80::5efe:0:0/96"), 12, 0},     // ISATAP
	{netip.MustParsePrefix("fe80::200:5efe:0:0/96"), 12, 0}, // ISATAP
}

// check returns nil where a connection to the address may be made.
func (d doors) check(a netip.Addr) error {
	a = a.WithZone("").Unmap()
	if d.allowed(a) {
		return nil
	}
	if why := d.closed(a); why != "" {
		return &refusedAddress{a, why}
	}
	if a.Is6() {
		bytes := a.As16()
		for _, c := range carriers {
			if !c.prefix.Contains(a) {
				continue
			}
			v4 := [4]byte(bytes[c.at : c.at+4])
			for i := range v4 {
				v4[i] ^= c.flip
			}
			inner := netip.AddrFrom4(v4)
			if why := d.closed(inner); why != "" && !d.allowed(inner) {
				return &refusedAddress{a, "it holds " + inner.String() + ": " + why}
			}
		}
	}
	return nil
}

func (d doors) allowed(a netip.Addr) bool {
	for _, p := range d.allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (d doors) closed(a netip.Addr) string {
	for _, c := range closedPrefixes {
		if c.prefix.Contains(a) {
			return c.why
		}
	}
	if !d.private {
		for _, p := range privatePrefixes {
			if p.Contains(a) {
				return "private"
			}
		}
	}
	return ""
}

// control is for net.Dialer.Control: it sees the address the socket is about to be connected to.
func (d doors) control(network, address string, _ syscall.RawConn) error {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return fmt.Errorf("connections over %s are refused", network)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address of a connection cannot be read: %w", err)
	}
	return d.check(at.Addr())
}
