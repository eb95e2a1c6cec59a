// SPDX-License-Identifier: BSD-3-Clause
//! Values on their way, in each kind of channel that loses nothing: they arrive once, in order, whatever they are.

use std::any::Any;
use std::sync::Arc;

use kcoro_core::channel::{Receiver, RecvError, RecvTimeoutError, TryRecvError, rendezvous};
use kcoro_tests::counted::Drops;

use crate::place::{Kind, LONG, Place, Plain, SHORT, everywhere};

#[test]
fn what_is_sent_is_received() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let sender = place.go(move || tx.send(7));
            assert_eq!(rx.recv(), Ok(7));
            assert_eq!(sender.end(), Ok(()));
        }
    });
}

#[test]
fn an_empty_channel_has_nothing_for_who_tries_or_waits_a_while() {
    everywhere(|_| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make::<u8>();
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
            assert_eq!((rx.len(), rx.is_empty(), tx.is_empty()), (0, true, true));
        }
    });
}

#[test]
fn a_receive_goes_on_only_with_a_value() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let received = Arc::new(Plain::default());
            let seen = received.clone();
            let receiver = place.go(move || seen.set(rx.recv().unwrap()));
            (0..20).for_each(|_| place.pause());
            assert_eq!(received.get(), 0, "nothing has been sent");
            tx.send(5).unwrap();
            receiver.end();
            assert_eq!(received.get(), 5);
        }
    });
}

#[test]
fn a_receive_with_a_limit_gets_what_comes_before_it() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let receiver = place.go(move || rx.recv_timeout(LONG));
            place.pause();
            tx.send_timeout(3, LONG).unwrap();
            assert_eq!(receiver.end(), Ok(3));
        }
    });
}

#[test]
fn values_of_one_sender_arrive_in_the_order_of_their_sends() {
    everywhere(|place| {
        let count = place.pick(15, 5000);
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let sender = place.go(move || (0..count).for_each(|n| tx.send(n).unwrap()));
            (0..count).for_each(|n| assert_eq!(rx.recv(), Ok(n)));
            sender.end();
            assert_eq!(rx.recv(), Err(RecvError::Closed));
        }
    });
}

#[test]
fn many_senders_and_many_receivers_lose_and_double_nothing() {
    everywhere(|place| {
        let count = place.pick(4, 2000);
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let senders = [(); 4].map(|()| {
                let tx = tx.clone();
                place.go(move || (0..count).for_each(|n| tx.send(n).unwrap()))
            });
            let receivers = [(); 4].map(|()| {
                let rx = rx.clone();
                place.go(move || rx.into_iter().collect::<Vec<u64>>())
            });
            drop((tx, rx));
            senders.into_iter().for_each(|sender| sender.end());
            let mut times = vec![0; count as usize];
            receivers.into_iter().flat_map(|receiver| receiver.end()).for_each(|n| times[n as usize] += 1);
            assert!(times.iter().all(|times| *times == 4), "{kind:?}: {times:?}");
        }
    });
}

#[test]
fn one_value_gets_through_a_channel_that_was_just_made() {
    everywhere(|place| {
        for kind in Kind::ALL {
            for round in 0..place.pick(1, 200) {
                let (tx, rx) = kind.make();
                let receiver = place.go(move || rx.recv());
                let sender = place.go(move || tx.send(round));
                assert_eq!((sender.end(), receiver.end()), (Ok(()), Ok(round)));
            }
        }
    });
}

#[test]
fn what_was_written_before_a_send_is_seen_after_its_receive() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let written = Arc::new(Plain::default());
            let writes = written.clone();
            let count = place.pick(5, 1000);
            let writer = place.go(move || {
                (1..=count).for_each(|n| {
                    writes.set(n);
                    tx.send(n).unwrap();
                })
            });
            rx.iter().for_each(|n| assert!(written.get() >= n));
            writer.end();
        }
    });
}

#[test]
fn what_was_written_before_a_close_is_seen_by_who_finds_it_closed() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make::<()>();
            let written = Arc::new(Plain::default());
            let writes = written.clone();
            let closes = place.go(move || {
                writes.set(1);
                drop(tx);
            });
            assert_eq!(rx.recv(), Err(RecvError::Closed));
            assert_eq!(written.get(), 1);
            closes.end();
        }
    });
}

/// Each tries after its own send, so there are never more who try than values.
#[test]
fn who_has_sent_a_value_finds_one() {
    everywhere(|place| {
        for kind in [Kind::Bounded(4), Kind::Unbounded] {
            let (tx, rx) = kind.make();
            let parts = [(); 4].map(|()| {
                let (tx, rx) = (tx.clone(), rx.clone());
                place.go(move || {
                    for _ in 0..place.pick(3, 1000) {
                        tx.send(()).unwrap();
                        assert_eq!(rx.try_recv(), Ok(()));
                    }
                })
            });
            parts.into_iter().for_each(|part| part.end());
        }
    });
}

#[test]
fn values_of_any_type_arrive() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make::<Box<dyn Any + Send>>();
            let sender = place.go(move || {
                tx.send(Box::new(1u8)).unwrap();
                tx.send(Box::new(())).unwrap();
                tx.send(Box::new([3u128; 40])).unwrap();
                tx.send(Box::new("text")).unwrap();
            });
            assert_eq!(rx.recv().unwrap().downcast_ref(), Some(&1u8));
            assert_eq!(rx.recv().unwrap().downcast_ref(), Some(&()));
            assert_eq!(rx.recv().unwrap().downcast_ref(), Some(&[3u128; 40]));
            assert_eq!(rx.recv().unwrap().downcast_ref(), Some(&"text"));
            sender.end();
        }
    });
}

#[test]
fn values_without_a_size_are_counted() {
    everywhere(|place| {
        let count = place.pick(10, 3000) as usize;
        for kind in Kind::ALL {
            let (tx, rx) = kind.make::<()>();
            let sender = place.go(move || (0..count).for_each(|_| tx.send(()).unwrap()));
            assert_eq!(rx.iter().count(), count);
            sender.end();
        }
    });
}

#[test]
fn a_channel_arrives_through_a_channel_through_itself() {
    /// What is sent: the way to the next one.
    struct Next(Receiver<Next>);
    everywhere(|place| {
        for kind in Kind::ALL {
            let depth = place.pick(5, 500);
            let (first_tx, first_rx) = kind.make::<Next>();
            let sender = place.go(move || {
                let mut tx = first_tx;
                for _ in 0..depth {
                    let (next_tx, next_rx) = kind.make();
                    tx.send(Next(next_rx)).unwrap();
                    tx = next_tx;
                }
            });
            let mut rx = first_rx;
            let mut hops = 0;
            while let Ok(Next(next)) = rx.recv() {
                (rx, hops) = (next, hops + 1);
            }
            sender.end();
            assert_eq!(hops, depth);
        }
    });
}

#[test]
fn every_value_is_dropped_once_wherever_it_ends() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let drops = Drops::new();
            let (tx, rx) = kind.make();
            let values: Vec<_> = (0..10).map(|_| drops.value()).collect();
            // Some are received, some are left behind, some come back.
            let sender = place.go(move || values.into_iter().filter_map(|value| tx.send(value).err()).count());
            let received = rx.iter().take(4).count();
            drop(rx);
            let returned = sender.end();
            assert_eq!((received, drops.count()), (4, 10), "{kind:?}: {returned} came back");
            assert!(returned <= 6);
        }
    });
}

/// Each adds one to what comes from the one before.
#[test]
fn a_number_goes_through_a_long_chain() {
    everywhere(|place| {
        let length = if place == Place::Threads { 100 } else { place.pick(20, 2000) };
        let (first, mut rx) = rendezvous();
        for _ in 0..length {
            let (tx, next) = rendezvous();
            let before = std::mem::replace(&mut rx, next);
            place.go(move || tx.send(before.recv().unwrap() + 1).unwrap());
        }
        first.send(0).unwrap();
        assert_eq!((rx.recv(), rx.recv()), (Ok(length), Err(RecvError::Closed)));
    });
}

/// A filter for each prime, and each is a part of its own.
#[test]
fn a_sieve_of_channels_finds_the_primes() {
    everywhere(|place| {
        let (tx, mut rx) = rendezvous();
        let limit = place.pick(12, 100);
        place.go(move || (2..limit).for_each(|n| tx.send(n).unwrap()));
        let mut primes = Vec::new();
        while let Ok(prime) = rx.recv() {
            primes.push(prime);
            let (next_tx, next_rx) = rendezvous();
            let numbers = std::mem::replace(&mut rx, next_rx);
            place.go(move || numbers.iter().filter(|n| n % prime != 0).for_each(|n| next_tx.send(n).unwrap()));
        }
        let expected: Vec<u64> = (2..limit).filter(|n| (2..*n).all(|part| n % part != 0)).collect();
        assert_eq!(primes, expected);
    });
}
