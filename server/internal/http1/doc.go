// Package http1 finds requests in the bytes of an HTTP/1.x connection: where a
// request's head is, what in it matters to the service, where its body ends, and
// whether another request may follow. It says nothing about what a request means.
//
// The package is pure. It reads what it is given, keeps offsets instead of bytes,
// allocates nothing, and knows no connection, clock or log. So every request can be
// tested by handing it over, cut at every place.
//
// It is strict where a proxy in front may read the same bytes differently, because
// such differences are how requests are smuggled: what is not exactly in the
// grammar below is refused, and the connection ends.
//
//	request        = request-line *( field-line CRLF ) CRLF [ message-body ]
//	request-line   = method SP request-target SP HTTP-version CRLF
//	method         = token                                    ; but not CONNECT
//	request-target = origin-form / absolute-form / "*"
//	origin-form    = "/" *target-char
//	absolute-form  = ( "http://" / "https://" ) authority [ ( "/" / "?" / "#" ) *target-char ]
//	authority      = 1*<target-char except "/", "?", "#" and "@">
//	target-char    = %x21-7E        ; behind "/ext_authz/" and "/ext_authz?" %x80-FF too
//	HTTP-version   = "HTTP/1.0" / "HTTP/1.1"
//	field-line     = token ":" OWS field-value OWS
//	field-value    = *( HTAB / SP / %x21-7E / %x80-FF )
//
// (RFC 9112 §2 to §6, RFC 9110 §5.) Lines end in CRLF, never in LF alone. Field
// lines are never folded.
package http1
