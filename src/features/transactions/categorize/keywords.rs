//! The words that tell a category, in English and in Thai. How they are looked for: [`words`](super::words).

use crate::domain::transaction_type::TransactionType::{self, Expense, Income};

/// The kind, the category of those that everybody begins with, and its words. Of a short Thai word the usual compounds are here,
/// too: alone it tells only where it is a word of its own.
pub(super) const KEYWORDS: &[(TransactionType, &str, &str)] = &[
    (
        Expense,
        "Food & Dining",
        "food, lunch, dinner, breakfast, brunch, supper, snack, coffee, latte, cappuccino, espresso, tea, bubble tea, \
         restaurant, cafe, bakery, pizza, burger, noodle, noodles, boat noodle, boat noodles, ramen, sushi, rice, chicken, pork, \
         beef, fish, seafood, salad, soup, dessert, ice cream, cake, bread, beer, wine, water, juice, groceries, grocery, \
         supermarket, market, chocolate, candy, cocktail, cocktails, club sandwich, sandwich, \
         starbucks, mcdonald, mcdonalds, kfc, 7 eleven, 7eleven, foodpanda, grabfood, grab food, lineman, makro, lotus, tops, \
         อาหาร, ข้าว, ก๋วยเตี๋ยว, บะหมี่, กาแฟ, ชานม, ชา, ชาเย็น, ชาร้อน, ชาดำเย็น, ชาไทย, ชาเขียว, ชามะนาว, ชาไข่มุก, น้ำดื่ม, น้ำเปล่า, น้ำผลไม้, \
         น้ำแข็ง, น้ำอัดลม, น้ำปลา, น้ำมันพืช, น้ำมันหอย, น้ำมันมะกอก, ขนม, ขนมปัง, ผลไม้, ร้านอาหาร, กับข้าว, ส้มตำ, หมู, หมูปิ้ง, หมูกรอบ, \
         หมูสับ, หมูยอ, ไก่, ไก่ทอด, ไก่ย่าง, ปลา, ปลาเผา, ปลาทู, ปลาหมึก, ปลาร้า, กุ้ง, กุ้งเผา, ต้มยำ, ผัดไทย, ไอศกรีม, ไอติม, เบียร์, เหล้า, \
         หมูกระทะ, หมูกะทะ, ชาบู, ชาบูชิ, ของกิน, มื้อ, มื้อเช้า, มื้อเที่ยง, มื้อเย็น, ตลาด, ตลาดนัด, เซเว่น, สุกี้, สุกี้ยากี้, ยากิโซบะ, เทอริยากิ, ยาคูลท์",
    ),
    (
        Expense,
        "Transportation",
        "taxi, bus, train, metro, subway, bts, mrt, grab, bolt, uber, fuel, gas station, gasoline, petrol, diesel, toll, \
         parking, flight, airline, airport, ferry, boat, motorbike, car wash, tire, tyre, rent a car, rent a bike, \
         rent a motorbike, rent a scooter, car rental, rental car, bike rental, scooter rental, motorbike rental, \
         แท็กซี่, รถเมล์, รถไฟ, รถไฟฟ้า, ค่ารถ, เช่ารถ, ค่าเช่ารถ, น้ำมัน, ค่าน้ำมัน, เติมน้ำมัน, ทางด่วน, ที่จอดรถ, วินมอเตอร์ไซค์, มอเตอร์ไซค์, \
         เรือ, เรือด่วน, ตั๋วเครื่องบิน, เครื่องบิน, เที่ยวบิน, ยางรถ, ยางรถยนต์, เปลี่ยนยาง",
    ),
    (
        Expense,
        "Shopping",
        "shopping, clothes, shirt, jeans, shoes, dress, bag, shopee, lazada, amazon, ikea, uniqlo, mall, furniture, cosmetics, \
         electronics, headphones, เสื้อผ้า, เสื้อ, กางเกง, รองเท้า, กระเป๋า, เครื่องสำอาง, ของใช้, ช้อปปิ้ง, ห้าง",
    ),
    (
        Expense,
        "Entertainment",
        "movie, movies, cinema, netflix, spotify, youtube, disney, game, games, steam, concert, karaoke, theatre, museum, \
         party, bar tab, bar bill, rooftop bar, sky bar, sports bar, jazz bar, karaoke bar, hotel bar, beach bar, at the bar, \
         club, nightclub, หนัง, ดูหนัง, ตั๋วหนัง, เกม, เกมส์, เติมเกม, คอนเสิร์ต, คาราโอเกะ, เที่ยว, ไปเที่ยว, ปาร์ตี้",
    ),
    (
        Expense,
        "Bills & Utilities",
        "electricity, electric bill, water bill, internet, wifi, broadband, phone bill, mobile, top up, utilities, bill, \
         insurance, ais, true move, truemove, true online, trueonline, true internet, true wifi, true bill, true id, true top up, \
         dtac, ค่าไฟ, ค่าไฟฟ้า, ค่าน้ำ, ค่าน้ำประปา, ค่าเน็ต, อินเทอร์เน็ต, ค่าโทรศัพท์, เติมเงิน, ค่าส่วนกลาง, ประกัน, บิล",
    ),
    (
        Expense,
        "Healthcare",
        "doctor, hospital, clinic, dentist, dental, pharmacy, medicine, drugstore, vitamin, vitamins, gym, fitness, massage, \
         หมอ, หาหมอ, หมอฟัน, โรงพยาบาล, คลินิก, ทำฟัน, ทันตแพทย์, ยา, ซื้อยา, ค่ายา, กินยา, ยาแก้, ร้านยา, ร้านขายยา, วิตามิน, ฟิตเนส, \
         นวด, ค่านวด, นวดเท้า, นวดไทย",
    ),
    (
        Expense,
        "Education",
        "book, books, course, tuition, school, university, class, udemy, coursera, exam, textbook, stationery, \
         หนังสือ, คอร์ส, ค่าเรียน, ค่าเทอม, โรงเรียน, มหาวิทยาลัย, เรียน, สอบ, ค่าสอบ, สมัครสอบ, เครื่องเขียน",
    ),
    (Expense, "Rent", "rent, mortgage, apartment, condo, ค่าเช่า, ค่าห้อง, ค่าหอ, ค่าหอพัก, เช่าบ้าน, ผ่อนบ้าน, คอนโด"),
    (Income, "Salary", "salary, payroll, paycheck, wage, wages, bonus, overtime, เงินเดือน, โบนัส, ค่าแรง, ค่าจ้าง, โอที"),
    (Income, "Freelance", "freelance, invoice, project, consulting, client, commission, ฟรีแลนซ์, รับจ้าง, ค่าคอม, งานนอก"),
    (
        Income,
        "Investment",
        "dividend, dividends, interest, stock, stocks, crypto, fund, coupon, ปันผล, เงินปันผล, ดอกเบี้ย, หุ้น, กองทุน",
    ),
    (Income, "Gift", "gift, present, birthday, red envelope, angpao, ของขวัญ, อั่งเปา, วันเกิด"),
];

/// Like the keywords, for words that mean something else beside others: they tell only where they are all there is, but for numbers.
pub(super) const ALONE: &[(TransactionType, &str, &str)] =
    &[(Expense, "Entertainment", "bar"), (Expense, "Bills & Utilities", "true")];

/// Phrases in which a word does not mean what it tells elsewhere.
pub(super) const NOTHING: &str = "\
    rent a, rent an, rent out, book a, book an, book the, book my, book our, book hotel, book hotels, book room, book rooms, \
    book table, book flight, book flights, book ticket, book tickets, book taxi, book club, golf club, tea towel, tea towels, \
    rice cooker, fish tank, water pump, water heater, water bottle, steam iron, mobile home, bean bag, first class, \
    business class, yoga class, doctor who, crop tops, stock market, dress code, \
    ผีเสื้อ, ตรวจสอบ, ทดสอบ, สอบถาม, สอบสวน, สอบทาน, หนังศีรษะ, หนังยาง, หุ้นส่วน, ห้างหุ้นส่วน, ตลาดหลักทรัพย์, การตลาด, ข้าวของ, ถนนข้าวสาร, \
    นักเรียน, ร้องเรียน, เรียนเชิญ, นวดแป้ง, ดูหมอ, หมอดู, หมอลำ, หมอนวด, ปลาวาฬ, ไก่ชน, หมูป่า, เกมโชว์, ชาวนา, ค้ำประกัน, บัตรประชาชน, \
    เรือนหอ, ประกันตัว, ยาสูบ, ยาสีฟัน, ยาย้อมผม, ยาสระผม, ยาทาเล็บ, ยาฆ่าแมลง, ยาเสพติด, ยาบ้า, ยากันยุง, น้ำมันเครื่อง, \
    ยามาฮ่า, ยามาฮา, ยากูซ่า, ยาจก, ยาวี, เคนยา, มายา, มายากล, โรฮิงยา, ปิรันยา, เยียวยา, ไปรษณียากร, กัมพูชา, บูชา, มาฆบูชา, วิสาขบูชา, \
    อาสาฬหบูชา, เย็นชา, เฉยชา, ชินชา, เหน็บชา, สีชา, ทหารเรือ, กองทัพเรือ, ทัพเรือ, ไซบีเรียน, ผิวหนัง, เนื้อหนัง, ลูกหนัง, เครื่องหนัง, ตู้ปลา, ตกปลา, \
    ก้างปลา, ลมบ้าหมู, ลูกขนไก่, ไม้ขนไก่, มีดหมอ, หมองู, หมอความ, เชอร์โนบิล, กบิล, นั่งห้าง, ห้างทอง, ยากี้, \
    หมอชิต, หมูเด้ง, บิลลี่, บิลลิ่ง, น้ำยา, ค่าไฟแนนซ์, สอบราคา";
