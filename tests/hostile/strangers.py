"""Clients that nobody trusts: before the handshake, in it, and as organisations that are no peers."""

from __future__ import annotations

import os
import socket
import struct

from commons import canonical, noise
from commons.author import Author
from commons.channel import Channel, Closed
from wire import (HANDSHAKE_SECONDS, HELLO_SECONDS, SLACK, Attack, Caller, NotLetIn,
                  client, frame, framed, is_cut, message, outcome_of, read_message, say,
                  shake, trickle)

UNSHAKEN = HANDSHAKE_SECONDS + SLACK


def says(attack: Attack, data: bytes, seconds: float = UNSHAKEN) -> str:
    sock = attack.call()
    say(sock, data)
    return outcome_of(sock, seconds)


def first_message(attack: Attack) -> tuple[noise.Handshake, bytes]:
    state = noise.Handshake(True, attack.author.noise_secret)
    return state, message(state.write(b""))


# Before the handshake


@client("cut", instances=3)
def silent(attack: Attack) -> str:
    """Calls and says nothing: cut off after the time for a handshake."""
    return says(attack, b"")


@client("cut", instances=3)
def one_byte_a_second(attack: Attack) -> str:
    """Sends the first message at one byte a second: each byte buys it no time."""
    return trickle(attack, attack.call(), first_message(attack)[1], UNSHAKEN)


@client("cut")
def half_a_length(attack: Attack) -> str:
    """One of the two bytes of a length, and no more."""
    return says(attack, b"\0")


@client("cut")
def no_length(attack: Attack) -> str:
    """A message of no bytes: no handshake message is so short."""
    return says(attack, b"\0\0", SLACK)


@client("cut", instances=2)
def huge_length(attack: Attack) -> str:
    """Announces 65,535 bytes: more than a handshake message may have, so refused unread."""
    return says(attack, b"\xff\xff", SLACK)


@client("cut")
def length_one_too_many(attack: Attack) -> str:
    """Announces 20,481 bytes, one more than a handshake message may have."""
    return says(attack, (20481).to_bytes(2, "big"), SLACK)


@client("cut")
def longest_never_filled(attack: Attack) -> str:
    """Announces the longest message and leaves it one byte short."""
    return says(attack, (20480).to_bytes(2, "big") + bytes(20479))


@client("cut")
def noise_of_chance(attack: Attack) -> str:
    """Random bytes for a first message."""
    return says(attack, os.urandom(4096))


@client("cut")
def a_browser(attack: Attack) -> str:
    """Takes the node's port for that of its pages."""
    return says(attack, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


@client("cut")
def a_tls_client(attack: Attack) -> str:
    """Begins TLS."""
    return says(attack, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500))


@client("cut")
def half_closed_at_once(attack: Attack) -> str:
    """Closes its side at once and waits."""
    sock = attack.call()
    sock.shutdown(socket.SHUT_WR)
    return outcome_of(sock, SLACK)


# The handshake


@client("cut")
def wrong_prologue(attack: Attack) -> str:
    """Speaks rp/2: the second message cannot be read by it, nor its third by the node."""
    state = noise.Handshake(True, attack.author.noise_secret, prologue=b"rp/2")
    sock = attack.call()
    say(sock, message(state.write(b"")))
    read_message(sock)
    say(sock, message(os.urandom(32 + 16 + 500)))
    return outcome_of(sock, SLACK)


@client("cut")
def keys_of_small_order(attack: Attack) -> str:
    """An ephemeral key of which every shared secret is known."""
    low = [bytes(32), b"\1" + bytes(31), bytes.fromhex(
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    return says(attack, message(low[attack.calls % len(low)]), SLACK)


@client("cut", instances=2)
def stops_after_the_second(attack: Attack) -> str:
    """Has the node do its part of the handshake, and leaves."""
    sock = attack.call()
    say(sock, first_message(attack)[1])
    read_message(sock)
    return outcome_of(sock, UNSHAKEN)


@client("cut", instances=2)
def replayed_handshake(attack: Attack) -> str:
    """Says again what it heard somebody say who was let in: the node's own key is another now."""
    state, first = first_message(attack)
    with attack.call() as sock:
        say(sock, first)
        state.read(read_message(sock))
        third = message(state.write(attack.author.proof()))
        say(sock, third)
    sock = attack.call()
    say(sock, first)
    read_message(sock)
    say(sock, third)
    return outcome_of(sock, SLACK)


@client("cut")
def second_message_sent_back(attack: Attack) -> str:
    """Sends the node its own message."""
    sock = attack.call()
    say(sock, first_message(attack)[1])
    say(sock, message(read_message(sock)))
    return outcome_of(sock, SLACK)


@client("refused not-a-peer")
def payload_in_the_first(attack: Attack) -> str:
    """Fills the first message's payload, which is ignored, to the limit."""
    sock = attack.call()
    state = noise.Handshake(True, attack.author.noise_secret)
    say(sock, message(state.write(os.urandom(20480 - 32))))
    state.read(read_message(sock))
    say(sock, message(state.write(attack.author.proof())))
    caller = Caller(attack)
    caller._start(OpenChannel(sock, state))
    return greeted(caller)


class OpenChannel(Channel):
    """A channel over a handshake that was done by hand."""

    def __init__(self, sock: socket.socket, state: noise.Handshake) -> None:
        super().__init__(sock, True)
        self.remote_noise = state.rs
        self.handshake_hash = state.h
        self.out, self.inward = state.split()


def greeted(caller: Caller, **hello: object) -> str:
    caller.send(frame(1, caller.hello(**hello)))
    return caller.refusal()


# Proofs


@client("cut")
def proof_that_is_none(attack: Attack) -> str:
    """Random bytes for a proof."""
    return outcome_of(shake(attack, os.urandom(600)), SLACK)


@client("cut")
def proof_of_nothing(attack: Attack) -> str:
    """No proof at all."""
    return outcome_of(shake(attack, b""), SLACK)


@client("cut")
def proof_that_is_a_bomb(attack: Attack) -> str:
    """Arrays that claim four thousand million entries, one in the other."""
    return outcome_of(shake(attack, b"\xdd\xff\xff\xff\xff" * 3000), SLACK)


@client("cut")
def proof_too_long(attack: Attack) -> str:
    """20,001 bytes."""
    return outcome_of(shake(attack, bytes(20001)), SLACK)


@client("cut")
def proof_altered(attack: Attack) -> str:
    """A proof of which one bit of the signature is another."""
    proof = bytearray(attack.author.proof())
    issued = canonical.decode(bytes(proof))[1]
    proof[proof.index(issued) + len(issued) - 1] ^= 1
    return outcome_of(shake(attack, bytes(proof)), SLACK)


@client("cut")
def proof_of_somebody_else(attack: Attack) -> str:
    """A good proof, of another Noise key than this one has."""
    return outcome_of(shake(attack, Author("Else", os.urandom(32)).proof()), SLACK)


@client("cut")
def proof_of_the_node_itself(attack: Attack) -> str:
    """The proof that the node shows, shown to it."""
    sock = attack.call()
    state = noise.Handshake(True, attack.author.noise_secret)
    say(sock, message(state.write(b"")))
    say(sock, message(state.write(state.read(read_message(sock)))))
    return outcome_of(sock, SLACK)


@client("cut")
def proof_of_many_successions(attack: Attack) -> str:
    """More successions than an organisation may have."""
    fields = canonical.decode(attack.author.proof())
    fields[3] = [b"\x93\0\xc4\0\xc4\0"] * 33
    return outcome_of(shake(attack, canonical.encode(fields)), SLACK)


# Organisations that are no peers


@client("refused not-a-peer", instances=2)
def stranger(attack: Attack) -> str:
    """Is who it says, and nobody knows it."""
    return greeted(Caller(attack).shaken())


@client("refused invite-unknown")
def invite_of_its_own_making(attack: Attack) -> str:
    """Shows an invite that the node never made."""
    return greeted(Caller(attack).shaken(), invite=os.urandom(16))


@client("refused invite-used")
def invite_used_by_another(attack: Attack) -> str:
    """Shows an invite that another organisation has used."""
    return greeted(Caller(attack).shaken(), invite=bytes.fromhex(attack.place["used"]))


@client("refused version")
def later_version(attack: Attack) -> str:
    """Speaks no version that the node does."""
    return greeted(Caller(attack).shaken(), versions=[2, 1 << 60])


@client("cut", instances=2)
def stranger_who_says_nothing(attack: Attack) -> str:
    """Shows a proof and no HELLO: cut off after the time for that."""
    return Caller(attack).shaken().ends(HELLO_SECONDS + SLACK)


@client("cut")
def stranger_who_trickles(attack: Attack) -> str:
    """A frame at one byte a second."""
    caller = Caller(attack).shaken()
    sealed = message(caller.channel.out.seal(framed(frame(1, caller.hello()))))
    sock = caller.channel.sock
    sock.setblocking(True)
    return trickle(attack, sock, sealed, HELLO_SECONDS + SLACK)


@client("cut", "refused not-a-peer")
def stranger_who_compares(attack: Attack) -> str:
    """Begins an exchange without a HELLO."""
    caller = Caller(attack).shaken()
    caller.send(frame(5, 1, None, [0, bytes(32)], None))
    return caller.refusal()


@client("cut", instances=4)
def stranger_with_a_large_frame(attack: Attack) -> str:
    """A HELLO of a megabyte: nobody who is not let in has the node keep that much."""
    caller = Caller(attack).shaken()
    try:
        caller.channel.send_stream((1 << 20).to_bytes(4, "big") + bytes((1 << 20) - 1))
    except (Closed, OSError):
        return "cut"
    return caller.ends(SLACK)


@client("cut")
def frame_of_no_bytes(attack: Attack) -> str:
    """A frame whose length is zero."""
    caller = Caller(attack).shaken()
    caller.channel.send_stream(bytes(4))
    return caller.ends(SLACK)


@client("cut", instances=2)
def frame_of_four_gigabytes(attack: Attack) -> str:
    """Announces a frame of 2^32 - 1 bytes."""
    caller = Caller(attack).shaken()
    caller.channel.send_stream(b"\xff" * 4)
    return caller.ends(SLACK)


@client("cut")
def sealed_by_nobody(attack: Attack) -> str:
    """A transport message whose tag is wrong."""
    caller = Caller(attack).shaken()
    caller.channel._write_message(os.urandom(600))
    return caller.ends(SLACK)


@client("cut")
def transport_replayed(attack: Attack) -> str:
    """The same transport message twice."""
    caller = Caller(attack).shaken()
    sealed = caller.channel.out.seal(b"\0")
    caller.channel._write_message(sealed)
    caller.channel._write_message(sealed)
    return caller.ends(SLACK)


# Floods


def hang_up(sock: socket.socket, reset: bool) -> None:
    if reset:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@client("cut", floods=True, instances=2)
def half_open_flood(attack: Attack) -> str:
    """40 connections at a time from one network, without a word: each is cut off in the end."""
    return half_open(attack, 1)


@client("cut", floods=True)
def half_open_flood_from_everywhere(attack: Attack) -> str:
    """The same from 40 networks."""
    return half_open(attack, 40)


def half_open(attack: Attack, networks: int) -> str:
    held: list[socket.socket] = []
    while attack.pace(0.01):
        held.append(attack.call(network=len(held) % networks))
        if len(held) == 40:
            break
    cut = [is_cut(sock, UNSHAKEN) for sock in held]
    for sock in held:
        sock.close()
    return "cut" if all(cut) else "still open"


@client("harmless", floods=True, instances=2)
def connect_storm(attack: Attack) -> str:
    """Calls and hangs up as fast as it can, from many networks."""
    return storm(attack, False)


@client("harmless", floods=True)
def connect_storm_with_resets(attack: Attack) -> str:
    """The same, with RST rather than FIN."""
    return storm(attack, True)


def storm(attack: Attack, reset: bool) -> str:
    while attack.pace(0.001):
        try:
            hang_up(attack.call(network=attack.calls), reset)
        except NotLetIn:
            pass
    return "harmless"


@client("harmless", floods=True, instances=2)
def first_message_flood(attack: Attack) -> str:
    """One first message again and again: each costs the node some arithmetic."""
    _, first = first_message(attack)
    while attack.pace(0.005):
        try:
            sock = attack.call(network=attack.calls)
        except NotLetIn:
            continue
        say(sock, first)
        hang_up(sock, attack.calls % 2 == 0)
    return "harmless"


@client("harmless", floods=True)
def knock_storm(attack: Attack) -> str:
    """Ever other organisations that are no peers."""
    while attack.pace(0.05):
        attack.author = Author("Knock", os.urandom(32))
        try:
            Caller(attack).shaken().channel.close()
        except NotLetIn:
            pass
    return "harmless"
